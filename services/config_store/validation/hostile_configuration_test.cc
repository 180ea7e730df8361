// Configurations that are made to cost: whatever a message can hold is accepted
// or refused for about as much as an ordinary configuration of its size.
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/cpu_time.h"
#include "common/tixml/codec.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/acquisition.h"
#include "services/config_store/validation/connector.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/events.h"
#include "services/config_store/validation/logs.h"
#include "services/config_store/validation/origins.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

// Elements until they are as large as a message may be.
std::string FillWith(const std::function<std::string(int)>& make,
                     size_t most = tixml::kMaxBytes - 2048) {
  std::string out;
  for (int i = 0; i < 19'000; ++i) {
    const std::string part = make(i);
    if (out.size() + part.size() > most) break;
    out += part;
  }
  return out;
}

constexpr char kConnector[] =
    "<CloudBaseUrl _='tcp://b'/><CloudConnStart _='1'/><CloudConnType _='FPIL_Tixi_MQTT_1'/>"
    "<gateway_id _='g'/><customer_id _='c'/>";

std::string Isp(const std::string& settings) {
  return absl::StrCat("<ISP><CloudConn>", kConnector, settings, "</CloudConn></ISP>");
}
std::string Points(const std::string& points) {
  return Isp(absl::StrCat("<Realtime1>", points, "</Realtime1>"));
}
std::string Bus(const std::string& devices) {
  return absl::StrCat("<PROCCFG><External><Bus1 protocol='ModbusTCP'>", devices,
                      "</Bus1></External></PROCCFG>");
}

// A configuration as there are many.
std::string Ordinary() {
  return Points(FillWith([](int i) {
    return absl::StrCat("<DP", i, " _='/Process/Bus1/D", i / 50, "/DP", i,
                        "' meta_type='temperature' meta_unit='K'/>");
  }));
}

struct Case {
  const char* name;
  std::string database;
};

std::vector<Case> Cases() {
  const std::string long_name(100'000, 'n');
  std::string attributes;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&attributes, " meta_", i, "='1'");
  std::string nested, nested_end;
  for (int i = 0; i < 55; ++i) {
    const std::string name(1'000, static_cast<char>('a' + i % 26));
    absl::StrAppend(&nested, "<", name, ">");
    nested_end = absl::StrCat("</", name, ">", nested_end);
  }
  return {
      {"sections that there are not",
       Isp(FillWith([](int i) { return absl::StrCat("<Realtime", i + 6, "/>"); }))},
      {"unknown settings",
       Isp(FillWith([](int i) { return absl::StrCat("<Qos", i, " _='1'/>"); }))},
      {"unknown settings with long names",
       Isp(FillWith([](int i) { return absl::StrCat("<", std::string(500, 'q'), i, "/>"); }))},
      {"an unknown setting with a very long name", Isp("<" + std::string(250'000, 'q') + "/>")},
      {"a setting again and again", Isp(FillWith([](int) { return "<QoS _='1'/>"; }))},
      {"controllers without data points",
       Isp(absl::StrCat(
           "<Realtime1>",
           FillWith(
               [](int i) {
                 return absl::StrCat("<P", i, " _='/Process/PV/a/b", i, "/p' meta_type='x'/>");
               },
               120'000),
           "</Realtime1><Controllers>",
           FillWith([](int i) { return absl::StrCat("<aaaaaabaaaab", i, "/>"); }, 120'000),
           "</Controllers>"))},
      {"controllers with data points",
       Isp(absl::StrCat(
           "<Realtime1>",
           FillWith([](int i) { return absl::StrCat("<P", i, " _='/c", i, "/p'/>"); }, 120'000),
           "</Realtime1><Controllers>",
           FillWith([](int i) { return absl::StrCat("<c", i, " timeout='1'/>"); }, 120'000),
           "</Controllers>"))},
      {"data points without a type",
       Points(FillWith([](int i) { return absl::StrCat("<P", i, " _='/a/", i, "'/>"); }))},
      {"data points without a path",
       Points(FillWith([](int i) { return absl::StrCat("<P", i, "/>"); }))},
      {"data points of one name", Points(FillWith([](int) { return "<P _='/a/b'/>"; }))},
      {"data points with many meta data", Points(FillWith([&](int i) {
         return absl::StrCat("<P", i, " _='/a/", i, "' meta_type='x'", attributes, "/>");
       }))},
      {"data points with unknown attributes", Points(FillWith([](int i) {
         return absl::StrCat("<P", i, " _='/a/", i, "' hysteressis='1' metatype='1'/>");
       }))},
      {"custom fields",
       Points(absl::StrCat("<P _='/a/b' meta_type='x' meta_custom_fields='",
                           FillWith([](int i) { return absl::StrCat(i, "=;"); }), "a=b'/>"))},
      {"a list of brokers",
       Isp(absl::StrCat("<BrokerRedirectAllow _='", std::string(250'000, ','), "/'/>"))},
      {"a list of wrong brokers",
       Isp(absl::StrCat("<BrokerRedirectAllow _='",
                        FillWith([](int i) { return absl::StrCat(i, ":,"); }), "'/>"))},
      {"a list of protocols", Isp(absl::StrCat("<TLS_ALPN _='", std::string(250'000, 'a'), "'/>"))},
      {"connectors that there are not",
       absl::StrCat("<ISP>",
                    FillWith([](int i) { return absl::StrCat("<CloudConn", i + 4, "/>"); }),
                    "</ISP>")},
      {"points of a bus", Bus(absl::StrCat("<D address='h'>", FillWith([](int i) {
                                             return absl::StrCat(
                                                 "<P", i, " register='coil' offset='", i, "'/>");
                                           }),
                                           "</D>"))},
      {"points without anything",
       Bus(absl::StrCat("<D address='h'>",
                        FillWith([](int i) { return absl::StrCat("<P", i, "/>"); }), "</D>"))},
      {"devices without anything",
       Bus(FillWith([](int i) { return absl::StrCat("<D", i, "/>"); }))},
      {"buses of the system",
       absl::StrCat("<PROCCFG><External>", FillWith([](int) { return "<PV x='1'/>"; }),
                    "</External></PROCCFG>")},
      {"variables of one name",
       absl::StrCat("<PROCCFG><ProcessVars>", FillWith([](int) { return "<V valeu='1'/>"; }),
                    "</ProcessVars></PROCCFG>")},
      {"a bus with a long name",
       absl::StrCat("<PROCCFG><External><", long_name, " protocol='Simulated'><D>",
                    FillWith([](int i) { return absl::StrCat("<P", i, "/>"); }, 50'000), "</D></",
                    long_name, "></External></PROCCFG>")},
      {"errors below a long name", absl::StrCat("<PROCCFG><External><", long_name, ">",
                                                FillWith([](int) { return "<D/>"; }, 50'000), "</",
                                                long_name, "></External></PROCCFG>")},
      {"elements below long names",
       absl::StrCat("<USER>", nested, FillWith([](int) { return "<a/>"; }, 120'000), nested_end,
                    "</USER>")},
      {"routes", absl::StrCat("<ISP><ISP><OUT>", FillWith([](int i) {
                                return absl::StrCat("<CloudConn", i, " _='MODEM'/>");
                              }),
                              "</OUT></ISP></ISP>")},
      {"logs that there are not",
       Isp(FillWith([](int i) { return absl::StrCat("<Log", i, " _='L'/>"); }))},
      {"logs", absl::StrCat("<LOG>", FillWith([](int i) {
                              return absl::StrCat("<L", i, " cycle='1'><P _='/a/b'/></L", i, ">");
                            }),
                            "</LOG>")},
      {"data points of a log", absl::StrCat("<LOG><L cycle='1'>", FillWith([](int i) {
                                              return absl::StrCat("<P", i, " _='/a/b'/>");
                                            }),
                                            "</L></LOG>")},
      {"handlers", absl::StrCat("<EVENTS><EventHandler>", FillWith([](int i) {
                                  return absl::StrCat("<H", i, "><DoOn _='x'/></H", i, ">");
                                }),
                                "</EventHandler></EVENTS>")},
      {"handlers that execute each other",
       absl::StrCat("<EVENTS><EventHandler>",
                    FillWith(
                        [](int i) {
                          std::string name = absl::StrCat("H", i);
                          name.resize(60, 'h');
                          std::string next = absl::StrCat("H", i + 1);
                          next.resize(60, 'h');
                          std::string handler = absl::StrCat("<", name, "><DoOn _='", next, "'/>");
                          for (int n = 0; n < 15; ++n) handler += "<DoOn _='" + name + "'/>";
                          return absl::StrCat(handler, "</", name, ">");
                        },
                        250'000 * 199 / 200),
                    "</EventHandler></EVENTS>")},
      {"states", absl::StrCat("<EVENTS><EventStates>",
                              FillWith([](int i) { return absl::StrCat("<S", i, " x='1'/>"); }),
                              "</EventStates></EVENTS>")},
      {"things below a state",
       absl::StrCat("<EVENTS><EventStates><S _='/a' condition='above'>",
                    FillWith([](int) { return "<x/>"; }), "</S></EventStates></EVENTS>")},
      {"secrets that are not stored", absl::StrCat("<USER>", FillWith([](int i) {
                                                     return absl::StrCat(
                                                         "<a", i, " Plain='***' PIN='***'/>");
                                                   }),
                                                   "</USER>")},
  };
}

// All that SetConfig does before it stores; the bytes of the problems.
size_t Validate(const Node& database) {
  Node after;
  after.name = database.name;
  Problems problems;
  Problems unknown_paths;
  Merge({database.name}, database.children, after);
  RestoreSecrets(nullptr, after, problems);
  CheckStorable(after, problems);
  v1::Acquisition acquisition;
  if (after.name == "PROCCFG") acquisition = ReadAcquisition(&after, problems);
  const Origins origins(acquisition);
  Problems log_problems;
  if (after.name == "ISP") {
    ReadConnectors(&after, {}, origins, {}, problems, unknown_paths, log_problems);
  }
  if (after.name == "LOG") ReadLogs(&after, origins, problems, unknown_paths);
  if (after.name == "EVENTS") ReadEvents(&after, origins, problems, unknown_paths);
  problems.Append(log_problems);
  problems.Append(unknown_paths);
  MaskSecrets(after);
  size_t bytes = 0;
  for (const v1::Problem& problem : problems.Sorted()) bytes += problem.ByteSizeLong();
  return bytes;
}

Node DatabaseOf(const std::string& text) {
  const absl::StatusOr<tixml::Document> document = tixml::Parse(text);
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << text.substr(0, 200);
  return document.ok() && document->nodes.size() == 1 ? document->nodes[0] : Node();
}

TEST(HostileConfigurationTest, CostsAboutAsMuchAsAnOrdinaryOneOfItsSize) {
  constexpr size_t kMessage = 4 * 1024 * 1024;  // that problems are sent in
  // Parsing is part of both: what comes on top of it must not stand out.
  const std::string ordinary = Ordinary();
  const absl::Duration usual = CpuTimeOf([&] { Validate(DatabaseOf(ordinary)); });
  for (const Case& c : Cases()) {
    size_t problems = 0;
    const absl::Duration took =
        CpuTimeOf([&] { problems = Validate(DatabaseOf(c.database)); }, 5 * usual);
    std::printf("%-42s %7zu bytes %8.2f ms, %5.2f times the usual\n", c.name, c.database.size(),
                absl::ToDoubleMilliseconds(took), absl::FDivDuration(took, usual));
    EXPECT_LT(took, 5 * usual) << c.name;
    EXPECT_LT(problems, kMessage) << c.name;
  }
}

}  // namespace
}  // namespace fieldgate::config_store
