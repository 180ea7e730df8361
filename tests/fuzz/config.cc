// SetConfig: any tree becomes a configuration in force, or errors that name
// the place and the remedy. What is accepted is stored and read back the same,
// and every service can work with it.
#include <boost/json/parse.hpp>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/cloud_link/events/condition.h"
#include "services/cloud_link/mqtt/endpoint.h"
#include "services/cloud_link/payload/channels.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/payload/topics.h"
#include "services/config_store/database_text.h"
#include "services/config_store/probation/tree_change.h"
#include "services/config_store/validation/acquisition.h"
#include "services/config_store/validation/connector.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/events.h"
#include "services/config_store/validation/logs.h"
#include "services/config_store/validation/origins.h"
#include "services/process_data/modbus/point_codec.h"
#include "services/process_data/paths.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

using config_store::Problems;
using tixml::Node;

constexpr size_t kMostCommands = 4;

config_store::v1::Device TheDevice() {
  config_store::v1::Device device;
  device.set_serial_number("01234567");
  device.set_product_name("WT640");
  (*device.mutable_interfaces())["MODEM"] = "wwan0";
  return device;
}

void CheckProblems(const Problems& problems) {
  const std::vector<config_store::v1::Problem> sorted = problems.Sorted();
  Check(sorted.size() <= 2 * Problems::kMax + 2, "a list without a bound");
  size_t bytes = 0;
  for (const config_store::v1::Problem& problem : sorted) {
    Check(!problem.message().empty() && !problem.remedy().empty(), "no message, or no remedy");
    Check(IsUtf8(problem.path()) && IsUtf8(problem.message()) && IsUtf8(problem.remedy()),
          "a text that can't be sent");
    bytes += problem.ByteSizeLong();
  }
  Check(bytes < 8'000'000, "more than a message between services may have");
}

// What cloud_link makes of a connector that was accepted.
void CheckConnector(const config_store::v1::Connector& connector) {
  const cloud_link::ChannelPlan plan = cloud_link::ChannelPlan::Of(connector);
  const absl::StatusOr<cloud_link::DataLayout> layout =
      Bounded([&] { return cloud_link::DataLayout::Create(connector); });
  Check(layout.ok(), "an accepted connector has no layout");
  const std::vector<cloud_link::Sample> samples(plan.paths.size() + plan.log_paths.size());
  std::string body;
  Check(layout
            ->AppendBody(cloud_link::PackColumns(0, static_cast<uint32_t>(samples.size()), samples),
                         1, 1, body)
            .ok(),
        "no body");
  const std::string init =
      Bounded([&] { return cloud_link::GatewayInitBody(connector, "01234567_1"); });
  for (const std::string& text : {body, init}) {
    if (connector.format() == config_store::v1::JSON) {
      boost::json::error_code error;
      boost::json::parse(text, error);
      Check(!error, "a body that is no JSON");
    } else if (text.size() <= tixml::kMaxBytes) {
      const absl::StatusOr<tixml::Document> document = tixml::Parse(text, {"data", "gatewayInit"});
      Check(document.ok() || absl::IsResourceExhausted(document.status()),
            "a body that can't be read");
    }
  }
  Check(cloud_link::ParseEndpoint(connector.base_url()).ok(), "an accepted URL is no endpoint");
  if (!connector.gateway_id().empty()) {
    Check(!cloud_link::TopicsOf(connector.customer_id(), connector.gateway_id()).data.empty(),
          "accepted ids make no topic");
  }
}

// What process_data makes of an acquisition that was accepted.
void CheckAcquisition(const config_store::v1::Acquisition& acquisition) {
  for (const config_store::v1::Bus& bus : acquisition.buses()) {
    for (const config_store::v1::BusDevice& device : bus.devices()) {
      for (const config_store::v1::BusPoint& point : device.points()) {
        Check(process_data::IsValidPointPath(
                  absl::StrCat("/Process/", bus.name(), "/", device.name(), "/", point.name())),
              "an accepted point has no path");
        if (bus.protocol() == config_store::v1::Bus::SIMULATED) continue;
        Check(process_data::PointCodec::Create(point).ok(), "an accepted point can't be read");
      }
    }
  }
}

// What cloud_link makes of events that were accepted.
void CheckEvents(const config_store::v1::Events& events) {
  std::set<std::string> handlers;
  for (const config_store::v1::EventHandler& handler : events.handlers()) {
    handlers.insert(handler.name());
  }
  for (const config_store::v1::EventState& state : events.states()) {
    Check(handlers.count(state.handler()) == 1, "an accepted state has no handler");
    const cloud_link::Condition condition(state);
    const cloud_link::Sample last = {Value(), 0, 0};
    for (const Value& value : {Value(), Value(1.5), Value(int64_t{-1}), Value(~uint64_t{0}),
                               Value(true), Value(std::string("on"))}) {
      condition.Holds({value, 1, 1}, /*held=*/false, {last.value, last.state});
    }
  }
}

// The databases, and what a SetConfig does to them.
class Store {
 public:
  void SetConfig(const std::string& database, const std::vector<Node>& children) {
    const absl::StatusOr<std::vector<std::string>> path = config_store::ParseDatabasePath(database);
    if (!path.ok()) {
      Check(absl::IsInvalidArgument(path.status()), "another error");
      Check(path.status().message().size() < 1000, "the error's text has no bound");
      return;
    }
    const auto found = databases_.find(path->front());
    const Node* const before = found == databases_.end() ? nullptr : &found->second;
    Node after = before == nullptr ? Node{} : *before;
    after.name = path->front();
    Problems problems;
    Problems unknown_paths;
    config_store::v1::Acquisition acquisition;
    std::vector<config_store::v1::Connector> connectors;
    google::protobuf::RepeatedPtrField<config_store::v1::Log> logs;
    config_store::v1::Events events;
    Problems log_problems;
    const config_store::Origins origins(acquisition_);
    Bounded([&] {
      config_store::Merge(*path, children, after);
      config_store::RestoreSecrets(before, after, problems);
      config_store::CheckStorable(after, problems);
      if (after.name == "PROCCFG") acquisition = config_store::ReadAcquisition(&after, problems);
      if (after.name == "ISP") {
        connectors = config_store::ReadConnectors(&after, TheDevice(), origins, logs_, problems,
                                                  unknown_paths, log_problems);
      }
      if (after.name == "LOG") {
        logs = config_store::ReadLogs(&after, origins, problems, unknown_paths);
      }
      if (after.name == "EVENTS") {
        events = config_store::ReadEvents(&after, origins, problems, unknown_paths);
      }
      return 0;
    });
    CheckProblems(problems);
    CheckProblems(unknown_paths);
    CheckProblems(log_problems);
    if (problems.errors() > 0 || !CheckStored(after)) return;
    CheckMask(after);
    CheckChange(before == nullptr ? Node{after.name, {}, {}, "", 0} : *before, after);
    CheckEvents(events);
    for (const config_store::v1::Connector& connector : connectors) CheckConnector(connector);
    CheckAcquisition(acquisition);
    if (after.name == "PROCCFG") acquisition_ = acquisition;
    if (after.name == "LOG") logs_ = logs;
    config_store::ClearLines(after);
    databases_[after.name] = std::move(after);
  }

 private:
  // False: it would be refused since it can't be read back.
  static bool CheckStored(const Node& database) {
    const std::vector<config_store::TextPart> parts =
        Bounded([&] { return config_store::WriteParts(database); });
    const absl::StatusOr<Node> again = Bounded([&] { return config_store::ReadParts(parts); });
    return again.ok() && *again == database;
  }

  // Masked and written back it is the same.
  static void CheckMask(const Node& database) {
    Node masked = database;
    config_store::MaskSecrets(masked);
    Problems problems;
    config_store::RestoreSecrets(&database, masked, problems);
    Check(problems.errors() > 0 || masked == database, "a secret is lost");
  }

  // A probation that undoes a change, and does it again, gives both trees.
  static void CheckChange(const Node& before, const Node& after) {
    for (const auto& [from, to] : {std::pair(&before, &after), std::pair(&after, &before)}) {
      Node target = *from;
      Bounded([&] {
        config_store::ApplyChange(*from, *to, target);
        return 0;
      });
      Check(SortedByName({target}) == SortedByName({*to}), "a change that can't be undone");
    }
  }

  std::map<std::string, Node> databases_;
  config_store::v1::Acquisition acquisition_;
  google::protobuf::RepeatedPtrField<config_store::v1::Log> logs_;
};

void CheckInput(absl::string_view text) {
  const absl::StatusOr<tixml::Document> document = tixml::Parse(text);
  if (!document.ok()) return;
  Store store;
  size_t commands = 0;
  for (const Node& node : document->nodes) {
    const std::string* database = node.Find("_");
    if (node.name != "SetConfig" || database == nullptr || ++commands > kMostCommands) continue;
    store.SetConfig(*database, node.children);
  }
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
