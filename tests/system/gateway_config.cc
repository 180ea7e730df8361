#include "tests/system/gateway_config.h"

#include "absl/strings/str_cat.h"

namespace fieldgate::system_test {

std::string DeviceJson(absl::string_view more) {
  return absl::StrCat(R"({"serial_number": ")", kSerialNumber,
                      R"(", "product_name": "WT640", "hardware_id": "GM20-S1F2K-120")", more,
                      "}\n");
}

std::string ProcCfg(const FieldConfig& field) {
  std::string out = "[<SetConfig _=\"PROCCFG\" ver=\"y\">\n  <External>\n";
  int number = 0;
  for (const int port : field.modbus_ports) {
    absl::StrAppend(
        &out, "    <Field", ++number, " protocol=\"ModbusTCP\">\n",
        "      <Dev address=\"127.0.0.1:", port,
        // Tries of a dead device come often, so that tests need not wait for one.
        "\" unit=\"1\" poll=\"200\" timeout=\"300\" retries=\"0\" backoffmax=\"500\">\n");
    for (int point = 0; point < field.points; ++point) {
      absl::StrAppend(&out, "        <P", point, " register=\"holding\" offset=\"", point,
                      "\" type=\"uint16\" access=\"rw\"/>\n");
    }
    out += "      </Dev>\n    </Field" + absl::StrCat(number) + ">\n";
  }
  out += R"(    <Sim protocol="Simulated">
      <Dev poll="200">
        <Wave type="float64"/>
      </Dev>
    </Sim>
  </External>
  <ProcessVars>
    <Level value="23.5"/>
    <Text value="hello"/>
  </ProcessVars>
</SetConfig>]
)";
  return out;
}

std::string Isp(const CloudConfig& cloud) {
  std::string out = absl::StrCat(
      "[<SetConfig _=\"ISP\" ver=\"y\">\n  <CloudConn>\n    <CloudBaseUrl _=\"", cloud.broker_url,
      "\"/>\n    <CloudConnStart _=\"1\"/>\n    <CloudConnType _=\"FPIL_Tixi_MQTT_1\"/>\n",
      "    <CloudConnDataFormat _=\"", cloud.format, "\"/>\n    <QoS _=\"", cloud.qos,
      "\"/>\n    <ResponseTimeout _=\"2\"/>\n    <RetryMaxTime _=\"2\"/>\n", cloud.more);
  if (!cloud.username.empty()) {
    absl::StrAppend(&out, "    <username _=\"", cloud.username, "\"/>\n    <password _=\"",
                    cloud.password, "\"/>\n");
  }
  out += "    <RTSendTime1 _=\"1\"/>\n    <Realtime1>\n";
  for (size_t bus = 1; bus <= cloud.field.modbus_ports.size(); ++bus) {
    for (int point = 0; point < cloud.field.points; ++point) {
      absl::StrAppend(&out, "      <Field", bus, "P", point, " _=\"/Process/Field", bus, "/Dev/P",
                      point, "\" meta_type=\"temperature\" meta_unit=\"&#xb0;C\"/>\n");
    }
  }
  out += R"(      <Wave _="/Process/Sim/Dev/Wave" meta_type="custom"/>
    </Realtime1>
    <RTSendTime2 _="-1"/>
    <UpdateRate2 _="1"/>
    <Realtime2>
      <Level _="/Process/PV/Level" meta_type="volume" meta_unit="l" hysteresis="0.5"/>
      <Text _="/Process/PV/Text" meta_type="custom"/>
    </Realtime2>
  </CloudConn>
</SetConfig>]
)";
  return out;
}

}  // namespace fieldgate::system_test
