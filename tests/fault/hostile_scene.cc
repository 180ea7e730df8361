#include "tests/fault/hostile_scene.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/testing/certificate.h"
#include "common/testing/process.h"

namespace fieldgate::fault_test {
namespace {

using system_test::CloudConfig;
using system_test::GatewayHarness;
using system_test::GatewayStatus;
using system_test::kPatience;
using system_test::Scaled;

constexpr absl::Duration kLookEvery = absl::Milliseconds(250);
// Sanitizers need a multiple of the memory.
constexpr int kSanitizedFactor = 20;

// The most that a process ever had in memory.
int PeakMb(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    int kb = 0;
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (absl::StartsWith(line, "VmHWM:") && absl::SimpleAtoi(words[1], &kb)) return kb / 1024;
  }
  return 0;
}

int Count(const std::string& text, const std::string& what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string ConnectorName(size_t number) { return absl::StrCat("CloudConn", number); }
std::string GatewayName(size_t number) { return absl::StrCat("customer-1/gw-", number); }

// A hostile broker and the connector to it.
struct Part {
  Part(const Behaviour& b, size_t n)
      : behaviour(b), number(n), broker(std::make_unique<ScriptedBroker>(b.script)) {}

  std::string url() const {
    return behaviour.tls ? absl::StrCat("ssl://localhost:", broker->port()) : broker->url();
  }
  bool Shown() const {
    return reason_seen && static_cast<int>(broker->connections().size()) >= behaviour.connections &&
           (!behaviour.until || behaviour.until(*broker));
  }

  const Behaviour& behaviour;
  const size_t number;  // of the connector: 2, 3
  std::unique_ptr<ScriptedBroker> broker;
  bool reason_seen = false;
  std::string last_detail = {};
};

class Scene {
 public:
  explicit Scene(const std::vector<const Behaviour*>& behaviours)
      : certificate_(MakeTestCertificate().value()),
        tls_port_(FreePort()),
        harness_({.broker = {.config = {absl::StrCat("listener ", tls_port_, " 127.0.0.1"),
                                        "certfile " + certificate_.cert_file,
                                        "keyfile " + certificate_.key_file}}}) {
    std::string isp = Isp(1, CloudConfig{.broker_url = harness_.broker().url()}, 1);
    for (const Behaviour* behaviour : behaviours) {
      const size_t number = parts_.size() + 2;
      parts_.emplace_back(*behaviour, number);
      absl::StrAppend(&isp,
                      Isp(number,
                          CloudConfig{.broker_url = parts_.back().url(),
                                      .qos = behaviour->qos,
                                      .more = absl::StrCat("<gateway_id _=\"gw-", number,
                                                           "\"/><customer_id _=\"customer-1\"/>",
                                                           behaviour->more)},
                          behaviour->send_time_s));
    }
    harness_.WriteFile("isp.tixml", isp);
    harness_.StartGateway();
  }

  // Notes what the status says, and the log, where what was said between two
  // looks still stands.
  void Look() {
    const GatewayStatus status = harness_.Status();
    const std::vector<std::string> log = absl::StrSplit(harness_.GatewayOutput(), '\n');
    for (Part& part : parts_) {
      const auto found = status.connectors.find(ConnectorName(part.number));
      if (found == status.connectors.end()) continue;
      part.last_detail = absl::StrCat(found->second.state, ": ", found->second.detail);
      part.reason_seen |= part.behaviour.reason.empty() ||
                          absl::StrContains(found->second.detail, part.behaviour.reason);
      const std::string about = absl::StrCat("connector=", ConnectorName(part.number), " why=");
      for (const std::string& line : log) {
        part.reason_seen |=
            absl::StrContains(line, about) && absl::StrContains(line, part.behaviour.reason);
      }
    }
    if (cloud_link_ == 0) {
      cloud_link_ = harness_.Pid("cloud_link");
      requests_ = harness_.device(0).requests();
    }
  }

  bool Shown() const {
    return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.Shown(); });
  }

  void ExpectWhatIsRequired(int max_rss_mb) {
    for (const Part& part : parts_) {
      SCOPED_TRACE(part.behaviour.name);
      const std::vector<ScriptedBroker::Seen> connections = part.broker->connections();
      EXPECT_TRUE(part.reason_seen) << "last: " << part.last_detail;
      EXPECT_GE(static_cast<int>(connections.size()), part.behaviour.connections);
      if (part.behaviour.connections == 1) {
        EXPECT_EQ(connections.size(), 1u) << part.last_detail;
      }
      if (part.behaviour.until) {
        EXPECT_TRUE(part.behaviour.until(*part.broker));
      }
      if (part.behaviour.seen_within == absl::InfiniteDuration() || connections.size() < 2)
        continue;
      const ScriptedBroker::Seen& first = connections.front();
      const absl::Time since =
          first.first_data == absl::InfiniteFuture() ? first.accepted : first.first_data;
      // A peer that does not read does not see the end.
      EXPECT_LE(std::min(first.ended, connections[1].accepted) - since,
                Scaled(part.behaviour.seen_within));
    }
    EXPECT_EQ(harness_.Pid("cloud_link"), cloud_link_) << "it died";
    const bool sanitized = Scaled(absl::Seconds(1)) > absl::Seconds(1);
    EXPECT_LE(PeakMb(cloud_link_), max_rss_mb * (sanitized ? kSanitizedFactor : 1));
    EXPECT_GT(harness_.device(0).requests(), requests_);
  }

  void BecomeGood() {
    for (Part& part : parts_) {
      part.broker->BecomeGood(part.behaviour.tls ? tls_port_ : harness_.broker().port());
    }
  }

  void ExpectComplete() {
    for (const Part& part : parts_) {
      SCOPED_TRACE(part.behaviour.name);
      const auto why = [&] {
        const portal::PortalStats portal = harness_.portal().Snapshot();
        const portal::StreamStats* stream = portal.Stream(GatewayName(part.number));
        if (stream == nullptr) return std::vector<std::string>{"nothing came"};
        std::vector<std::string> reasons;
        if (stream->messages < part.behaviour.messages_afterwards) reasons.push_back("too few");
        if (stream->missing > 0) reasons.push_back(absl::StrCat(stream->missing, " are missing"));
        if (stream->out_of_order + stream->conflicts + stream->unreadable +
                stream->unknown_sensors >
            0) {
          reasons.insert(reasons.end(), stream->errors.begin(), stream->errors.end());
        }
        const int64_t acknowledged = part.broker->acknowledged_up_to();
        if (stream->first_id > acknowledged + 1) {
          reasons.push_back(
              absl::StrCat("begins with ", stream->first_id, ", acknowledged were ", acknowledged));
        }
        return reasons;
      };
      Eventually(kPatience, [&] { return why().empty(); });
      EXPECT_THAT(why(), testing::IsEmpty()) << harness_.Run("status").output;
    }
    // The one that was never disturbed.
    EXPECT_THAT(harness_.WaitUntilComplete(1), testing::IsEmpty());
    EXPECT_LE(harness_.Data().highest_age, Scaled(absl::Seconds(10)));
    EXPECT_EQ(harness_.Data().redeliveries, 0);
    EXPECT_EQ(Count(harness_.broker().Output(), "as WT640_01234567 ("), 1);
  }

 private:
  // The connector CloudConn, or CloudConn2 ...
  std::string Isp(size_t number, CloudConfig cloud, int send_time_s) {
    cloud.field.modbus_ports = {harness_.device(0).port()};
    const std::string name = number == 1 ? "CloudConn" : ConnectorName(number);
    if (absl::StartsWith(cloud.broker_url, "ssl:")) {
      cloud.more += "<TLS_Server_authmode _=\"none\"/>";
    }
    return absl::StrReplaceAll(
        system_test::Isp(cloud),
        {{"<CloudConn>", absl::StrCat("<", name, ">")},
         {"</CloudConn>", absl::StrCat("</", name, ">")},
         {"<RTSendTime1 _=\"1\"/>", absl::StrCat("<RTSendTime1 _=\"", send_time_s, "\"/>")}});
  }

  const TestCertificate certificate_;
  const int tls_port_;
  std::vector<Part> parts_;  // before the gateway, which talks to them until its end
  GatewayHarness harness_;
  pid_t cloud_link_ = 0;
  uint64_t requests_ = 0;
};

}  // namespace

void PlayHostileBrokers(const std::vector<Behaviour>& behaviours, int max_rss_mb) {
  std::vector<std::unique_ptr<Scene>> scenes;
  for (size_t i = 0; i < behaviours.size(); i += 2) {
    std::vector<const Behaviour*> two = {&behaviours[i]};
    if (i + 1 < behaviours.size()) two.push_back(&behaviours[i + 1]);
    scenes.push_back(std::make_unique<Scene>(two));
  }
  const absl::Time end = absl::Now() + kPatience;
  const auto all_shown = [&] {
    return std::all_of(scenes.begin(), scenes.end(), [](const auto& s) { return s->Shown(); });
  };
  while (!all_shown() && absl::Now() < end) {
    for (const auto& scene : scenes) scene->Look();
    absl::SleepFor(kLookEvery);
  }
  for (const auto& scene : scenes) scene->ExpectWhatIsRequired(max_rss_mb);
  if (testing::Test::HasFailure()) return;  // each gateway says what it knows
  for (const auto& scene : scenes) scene->BecomeGood();
  for (const auto& scene : scenes) scene->ExpectComplete();
}

}  // namespace fieldgate::fault_test
