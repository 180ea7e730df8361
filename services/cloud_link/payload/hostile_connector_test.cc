// Connectors that a configuration of 256 KiB can hold and that are made to
// cost: their bodies take about as long as those of an ordinary one.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/cpu_time.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/columns.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

struct Case {
  const char* name;
  Connector connector;
};

Connector Ordinary(PayloadFormat format) {
  Connector connector = ConnectorWith(format);
  for (int i = 0; i < 4'000; ++i) {
    AddPoint(connector, absl::StrCat("DP", i), absl::StrCat("/Process/Bus1/D", i / 50, "/DP", i),
             {{"type", "temperature"}, {"unit", "K"}});
  }
  return connector;
}

std::vector<Case> Cases(PayloadFormat format) {
  std::vector<Case> cases;
  Connector controllers = ConnectorWith(format);
  for (int i = 0; i < 6'000; ++i) {
    AddPoint(controllers, absl::StrCat("P", i), absl::StrCat("/c", i, "/p"));
    controllers.add_controllers()->set_name(absl::StrCat("c", i));
  }
  cases.push_back({"a controller a data point", controllers});

  Connector fields = ConnectorWith(format);
  std::string custom = "a=";
  for (int i = 0; i < 25'000; ++i) absl::StrAppend(&custom, ";a", i, "=b");
  AddPoint(fields, "P", "/c/p", {{"custom_fields", custom}});
  cases.push_back({"custom fields", fields});

  Connector metadata = ConnectorWith(format);
  for (int i = 0; i < 350; ++i) {
    DataPoint& point = AddPoint(metadata, absl::StrCat("P", i), absl::StrCat("/c/p", i));
    for (int m = 0; m < 60; ++m) {
      DataPoint::Metadata& entry = *point.add_metadata();
      entry.set_name(absl::StrCat("m", m));
      entry.set_value("1");
    }
  }
  cases.push_back({"meta data", metadata});

  Connector names = ConnectorWith(format);
  for (int i = 0; i < 6'000; ++i) {
    AddPoint(names, absl::StrCat("P", i), absl::StrCat(std::string(40, '/'), i));
  }
  cases.push_back({"paths of slashes", names});

  Connector sections = ConnectorWith(format);
  for (int section = 1; section <= 5; ++section) {
    if (section > 1) sections.add_sections()->set_number(section);
    for (int i = 0; i < 1'200; ++i) AddPoint(sections, absl::StrCat("P", i), absl::StrCat("/p", i));
  }
  cases.push_back({"each path in all sections", sections});
  return cases;
}

void Use(const Connector& connector) {
  const absl::StatusOr<DataLayout> layout = DataLayout::Create(connector);
  ASSERT_TRUE(layout.ok()) << layout.status();
  const std::vector<Sample> samples(ChannelPlan::Of(connector).paths.size(), OfText("<&>"));
  std::string body;
  const std::string columns = PackColumns(0, static_cast<uint32_t>(samples.size()), samples);
  ASSERT_TRUE(layout->AppendBody(columns, 1, 1, body).ok());
  ASSERT_FALSE(GatewayInitBody(connector, "r").empty());
}

TEST(HostileConnectorTest, CostsAboutAsMuchAsAnOrdinaryOne) {
  for (const auto format : {config_store::v1::TIXML, config_store::v1::JSON}) {
    const Connector ordinary = Ordinary(format);
    const absl::Duration usual = CpuTimeOf([&] { Use(ordinary); });
    for (const Case& c : Cases(format)) {
      const absl::Duration took = CpuTimeOf([&] { Use(c.connector); }, 5 * usual);
      std::printf("%-28s %8.2f ms, %5.2f times the usual\n", c.name,
                  absl::ToDoubleMilliseconds(took), absl::FDivDuration(took, usual));
      EXPECT_LT(took, 5 * usual) << c.name;
    }
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
