#include "tests/simulation/plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace fieldgate::simulation {

std::vector<FaultKind> AllFaults() {
  std::vector<FaultKind> all;
  for (int kind = 0; kind <= static_cast<int>(FaultKind::kProbation); ++kind) {
    all.push_back(static_cast<FaultKind>(kind));
  }
  return all;
}

const char* NameOf(FaultKind kind) {
  switch (kind) {
    case FaultKind::kCut:
      return "cut";
    case FaultKind::kFreeze:
      return "freeze";
    case FaultKind::kBrokerDown:
      return "broker down";
    case FaultKind::kSlowAcks:
      return "slow acknowledgements";
    case FaultKind::kRepeats:
      return "repeated deliveries";
    case FaultKind::kRefusals:
      return "refused subscriptions";
    case FaultKind::kSessionsLost:
      return "sessions lost";
    case FaultKind::kPortalWrong:
      return "wrong answers";
    case FaultKind::kKillCloud:
      return "kill cloud_link";
    case FaultKind::kKillProcess:
      return "kill process_data";
    case FaultKind::kKillConfig:
      return "kill config_store";
    case FaultKind::kPowerCut:
      return "power cut";
    case FaultKind::kDiskFull:
      return "disk full";
    case FaultKind::kDiskErrors:
      return "disk errors";
    case FaultKind::kDeviceFails:
      return "device fails";
    case FaultKind::kWallJumps:
      return "clock jumps";
    case FaultKind::kSlowCalls:
      return "slow calls";
    case FaultKind::kCommands:
      return "commands";
    case FaultKind::kConfiguration:
      return "configuration";
    case FaultKind::kProbation:
      return "probation";
  }
  return "";
}

Plan MakePlan(Random random) {
  Plan plan;
  const int count = random.Chance(0.4) ? 2 : 1;
  for (int i = 0; i < count; ++i) {
    ConnectorPlan connector;
    connector.name = i == 0 ? "CloudConn" : "CloudConn2";
    connector.client_id = i == 0 ? "WT640_01234567" : "WT640_01234567_2";
    connector.customer_id = absl::StrCat("customer-", i + 1);
    connector.gateway_id = absl::StrCat("gw-", i + 1);
    connector.rollout = i == 0 && random.Chance(0.7);
    connector.qos = random.Chance(0.75) ? 1 : random.Chance(0.5) ? 2 : 0;
    connector.format = random.Chance(0.7)   ? tixml::Format::kJson
                       : random.Chance(0.7) ? tixml::Format::kTiXml
                                            : tixml::Format::kXml;
    connector.clean_session = random.Chance(0.7);
    connector.cache = random.Chance(0.9);
    connector.drop_newest = random.Chance(0.3);
    connector.send_period_s = static_cast<int>(random.Between(1, 3));
    plan.connectors.push_back(connector);
  }
  // Few kinds at a time show more than all at once, which leave nothing standing.
  const double share = random.Chance(0.2) ? 0.9 : random.Chance(0.5) ? 0.4 : 0.15;
  for (const FaultKind kind : AllFaults()) {
    if (random.Chance(share)) plan.faults.insert(kind);
  }
  plan.faults_last = random.Between(absl::Seconds(30), absl::Seconds(90));
  plan.pause = random.Between(absl::Seconds(3), absl::Seconds(20));
  if (random.Chance(0.3)) plan.shrink_outbox = 1024;  // of a MB: about a dozen messages
  return plan;
}

std::string ConnectorConfiguration(const ConnectorPlan& connector) {
  const char* format = connector.format == tixml::Format::kJson  ? "JSON"
                       : connector.format == tixml::Format::kXml ? "XML"
                                                                 : "TiXML";
  std::string ids;
  if (!connector.rollout) {
    ids = absl::StrCat("<gateway_id _=\"", connector.gateway_id, "\"/><customer_id _=\"",
                       connector.customer_id, "\"/>");
  }
  return absl::StrCat(
      "<", connector.name, "><CloudBaseUrl _=\"tcp://broker\"/><CloudConnStart _=\"1\"/>",
      "<CloudConnType _=\"FPIL_Tixi_MQTT_1\"/><CloudConnDataFormat _=\"", format, "\"/>", ids,
      "<QoS _=\"", connector.qos, "\"/><MQTTCleanSession _=\"", connector.clean_session ? 1 : 0,
      "\"/><MQTTCache _=\"", connector.cache ? 1 : 0,
      "\"/><MQTTCacheMaxMB _=\"1\"/><MQTTCachePolicy _=\"",
      connector.drop_newest ? "drop_newest" : "drop_oldest", "\"/><ResponseTimeout _=\"",
      kResponseTimeoutS, "\"/><RetryMaxTime _=\"", kRetryMaxS, "\"/><ConfirmTime _=\"",
      kConfirmTimeS, "\"/><RTSendTime1 _=\"", connector.send_period_s,
      R"("/><Realtime1>
           <Count _="/Process/Field/Meter/Count" meta_type="custom"/>
           <Written _="/Process/Field/Meter/Written" meta_type="custom"/>
           <Other _="/Process/Field2/Other/Level" meta_type="custom"/>
         </Realtime1>
         <RTSendTime2 _="-1"/><UpdateRate2 _="1"/>
         <Realtime2>
           <Level _="/Process/Field/Meter/Level" meta_type="custom" hysteresis="3"/>
           <Mark _="/Process/PV/Mark" meta_type="custom"/>
         </Realtime2>)",
      connector.name == "CloudConn" ? "<Log1 _=\"Energy\"/><LogSendTime1 _=\"7\"/>" : "", "</",
      connector.name, ">");
}

std::string InitialConfiguration(const Plan& plan, bool polls_late) {
  std::string text = R"([
<SetConfig _="PROCCFG">
  <External>
    <Field protocol="ModbusTCP">
      <Meter address="10.0.0.1" unit="1" poll="1000" timeout="400" retries="0" backoffmax="2000">
        <Count register="holding" offset="0" type="uint32"/>
        <Level register="holding" offset="2" type="uint16"/>
        <Written register="holding" offset="10" type="uint16" access="rw"/>
      </Meter>
    </Field>
    <Field2 protocol="ModbusTCP">
      <Other address="10.0.0.2" unit="1" poll="1000" timeout="400" retries="0" backoffmax="2000">
        <Total register="holding" offset="0" type="uint32"/>
        <Level register="holding" offset="2" type="uint16"/>
      </Other>
    </Field2>
  </External>
  <ProcessVars><Mark value="0"/><Alarm value="0"/><Note value="0"/></ProcessVars>
</SetConfig>
<SetConfig _="LOG">
  <Energy cycle="5" maxage="1h" maxmb="1">
    <Total _="/Process/Field2/Other/Total" meta_type="custom"/>
  </Energy>
</SetConfig>
<SetConfig _="EVENTS">
  <EventHandler>
    <High><Set _="/Process/PV/Alarm" value="1"/><CloudSendRealtimeData _="CloudConn,Realtime2"/></High>
    <Normal><Set _="/Process/PV/Alarm" value="0"/></Normal>
    <Record><RecordLog _="Energy"/></Record>
  </EventHandler>
  <EventStates>
    <TooHigh _="/Process/Field/Meter/Level" condition="above" value="105" hysteresis="2" handler="High" endhandler="Normal"/>
    <Silent _="/Process/Field2/Other/Level" condition="invalid" delay="2" limit="10" handler="Record"/>
  </EventStates>
</SetConfig>
<SetConfig _="ISP">)";
  for (const ConnectorPlan& connector : plan.connectors) {
    text += ConnectorConfiguration(connector);
  }
  text += "</SetConfig>]";
  if (!polls_late) return text;
  return absl::StrReplaceAll(text, {{"poll=\"1000\"", "poll=\"1100\""}});
}

}  // namespace fieldgate::simulation
