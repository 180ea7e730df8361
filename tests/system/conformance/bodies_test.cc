#include "tests/system/conformance/bodies.h"

#include <gtest/gtest.h>

namespace fieldgate::system_test {
namespace {

using testing::Not;

TEST(BodiesTest, ARequestIsWrittenAsInTheManual) {
  const RequestFields request = {"cmd", "r1", "01234567", {"<Get/>", R"({"Get": null})"}};
  EXPECT_EQ(RequestBody(Wire::kTiXml, request),
            "{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<request_id _=\"r1\"/>\n"
            "<serial_number _=\"01234567\"/>\n<cmd>\n<Get/>\n</cmd>\n}");
  EXPECT_EQ(RequestBody(Wire::kXml, request),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<cmd>\n<request_id _=\"r1\"/>\n"
            "<serial_number _=\"01234567\"/>\n<cmd>\n<Get/>\n</cmd>\n</cmd>\n");
  EXPECT_EQ(RequestBody(Wire::kJson, request),
            "{\n\"request_id\": \"r1\",\n\"serial_number\": \"01234567\",\n"
            "\"cmd\": {\"Get\": null}\n}");
}

TEST(BodiesTest, ConfigInJsonIsTiXmlInAText) {
  EXPECT_EQ(RequestBody(Wire::kJson, {"config", "r1", {}, {"<Set _=\"/a\"/>\n", ""}}),
            "{\n\"request_id\": \"r1\",\n\"config_xml\": \"<Set _=\\\"/a\\\"/>\\n\"\n}");
  EXPECT_EQ(ResultBody(Wire::kJson, "config", 0, "r1", {"<Set/>", ""}),
            R"({"error_code": 0,"response_id": "r1","config_result_xml": "<Set/>"})");
}

TEST(BodiesTest, AStateRequestHasAPathOrNone) {
  EXPECT_EQ(RequestBody(Wire::kJson, {"state", "r1", {}, {}}), "{\n\"request_id\": \"r1\"\n}");
  EXPECT_EQ(RequestBody(Wire::kJson, {"state", "r1", {}, {"Ethernet", ""}}),
            "{\n\"request_id\": \"r1\",\n\"path\": \"Ethernet\"\n}");
}

TEST(BodiesTest, WhiteSpaceBetweenElementsAndMembersMeansNothing) {
  EXPECT_THAT("{\n<a _=\"1 2\" />\n <b> x </b>\n}",
              IsBody(Wire::kTiXml, "{<a _=\"1 2\"/><b>x</b>}"));
  EXPECT_THAT("{\"a\": \"1 2\",\n\"b\":[1, 2]}",
              IsBody(Wire::kJson, "{\"a\":\"1 2\",\"b\":[1,2]}"));
  EXPECT_THAT("{\"a\":\"<S>\\n  <E/>\\n</S>\"}", IsBody(Wire::kJson, "{\"a\":\"<S><E/></S>\"}"));
}

TEST(BodiesTest, WhatDiffersIsNoMatch) {
  EXPECT_THAT("{<a _=\"1\"/>}", Not(IsBody(Wire::kTiXml, "{<a _=\"2\"/>}")));
  EXPECT_THAT("{<a _=\"1 2\"/>}", Not(IsBody(Wire::kTiXml, "{<a _=\"12\"/>}")));
  EXPECT_THAT("{\"a\":\"1\"}", Not(IsBody(Wire::kJson, "{\"a\":1}")));
  EXPECT_THAT("{\"a\":1,\"b\":2}", Not(IsBody(Wire::kJson, "{\"a\":1}")));
}

TEST(BodiesTest, PatternsMatchAnyTextOfTheirKind) {
  EXPECT_TRUE(MatchesPattern("<a _=\"xyz\"/>", "<a _=\"{any}\"/>"));
  EXPECT_TRUE(MatchesPattern("<a _=\"\"/>", "<a _=\"{any}\"/>"));
  EXPECT_FALSE(MatchesPattern("<a _=\"x\" b=\"y\"/>", "<a _=\"{any}\"/>"));
  EXPECT_TRUE(MatchesPattern("<a><b/><c/></a>", "<a>{more}<c/>{more}</a>"));
  EXPECT_FALSE(MatchesPattern("<a><b/></a>", "<a>{more}<c/>{more}</a>"));
}

}  // namespace
}  // namespace fieldgate::system_test
