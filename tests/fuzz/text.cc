// The small languages: topics, addresses, URLs, numbers, paths, words for a
// terminal. Where two places read the same language, they agree.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/value/value.h"
#include "services/cloud_link/lifecycle/broker_url.h"
#include "services/cloud_link/mqtt/endpoint.h"
#include "services/cloud_link/mqtt/topic.h"
#include "services/cloud_link/payload/controller_name.h"
#include "services/cloud_link/payload/guess_format.h"
#include "services/cloud_link/payload/request.h"
#include "services/cloud_link/payload/topics.h"
#include "services/config_store/validation/data_points.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/formats.h"
#include "services/fieldgate/terminal_text.h"
#include "services/process_data/paths.h"
#include "services/process_data/sample.h"
#include "tests/fuzz/fuzz.h"

namespace fieldgate::fuzz {
namespace {

void CheckTopic(absl::string_view topic) {
  const bool filter = !topic.empty() && topic.size() <= 65'535 && IsUtf8(topic) &&
                      !absl::StrContains(topic, absl::string_view("\0", 1));
  const bool name = filter && !absl::StrContains(topic, "+") && !absl::StrContains(topic, "#");
  Check(cloud_link::CheckTopicFilter(topic).ok() == filter, "a filter of MQTT 3.1.1");
  Check(cloud_link::CheckTopicName(topic).ok() == name, "a topic of MQTT 3.1.1");
  const auto kind = cloud_link::RequestKindOf(topic);
  Check(!kind || absl::EndsWith(topic, cloud_link::RequestName(*kind)), "another level");
}

void CheckIds(absl::string_view id) {
  Check(cloud_link::IsValidId(id) == config_store::IsTopicId(id), "two opinions of an id");
  const cloud_link::GatewayTopics topics = cloud_link::TopicsOf(id, id);
  Check(topics.data.empty() != cloud_link::IsValidId(id), "a topic of a bad id, or none of a good");
  if (topics.data.empty()) return;
  Check(cloud_link::CheckTopicName(topics.data).ok(), "no topic");
  Check(cloud_link::RequestKindOf(topics.cmd) == cloud_link::RequestKind::kCmd, "no request");
}

void CheckUrls(absl::string_view text, absl::string_view base) {
  const absl::StatusOr<std::string> normal = config_store::NormalizeBrokerUrl(text);
  if (normal.ok()) {
    Check(config_store::NormalizeBrokerUrl(*normal).value_or("") == *normal, "not stable");
  }
  // A URL that a rollout gave is stored, and must be right there, too.
  const absl::StatusOr<std::string> resolved = cloud_link::ResolveDataBroker(text, base, {});
  if (resolved.ok()) {
    Check(config_store::NormalizeBrokerUrl(*resolved).value_or("") == *resolved,
          "a data broker that can't be stored");
    Check(!absl::StartsWithIgnoreCase(base, "ssl://") || absl::StartsWith(*resolved, "ssl://"),
          "TLS is left");
  }
  // And a configured one must be right where the data broker is resolved, and
  // where it is connected to.
  if (!normal.ok()) return;
  const absl::StatusOr<cloud_link::Endpoint> endpoint = cloud_link::ParseEndpoint(*normal);
  Check(endpoint.ok() && endpoint->tls == absl::StartsWith(*normal, "ssl"), "no endpoint");
  Check(cloud_link::ResolveDataBroker("broker", *normal, {}).ok(), "a base URL that is none");
}

void CheckHostPort(absl::string_view text) {
  const absl::StatusOr<config_store::HostPort> address = config_store::ParseHostPort(text, 502);
  if (!address.ok()) {
    Check(!address.status().message().empty(), "an error without a text");
    return;
  }
  Check(!address->host.empty() && address->host.size() <= 300, "no host");
  Check(address->port >= 1 && address->port <= 65535, "no port");
  const bool ipv6 = absl::StrContains(address->host, ":");
  const absl::StatusOr<config_store::HostPort> again = config_store::ParseHostPort(
      absl::StrCat(ipv6 ? "[" : "", address->host, ipv6 ? "]" : "", ":", address->port), 1);
  Check(again.ok() && again->host == address->host && again->port == address->port, "not stable");
}

void CheckNumbers(absl::string_view text) {
  const Value value = InferValue(text);
  const Value again = InferValue(ToText(value));
  const bool number = ToNumber(value).has_value();  // 12. is a double, and printed as 12
  Check(number ? ToNumber(again) == ToNumber(value) : again == value, "another value");
  Check(ToText(process_data::ExactValue(std::string(text))) == text, "another text");
  if (const std::optional<double> number = ParseNumber(text)) {
    std::string shortest;
    Check(AppendNumber(*number, shortest), "no number");
    Check(ParseNumber(shortest) == *number, "another number");
  }
  Check(!config_store::IsTimeZoneName(text) ||
            (text.size() <= 64 && !absl::StartsWith(text, "/") && !absl::StrContains(text, ".") &&
             !absl::StrContains(text, ":")),
        "a time zone that may be any file");
  for (const int decimals : {0, 2, 3}) {
    const std::optional<int64_t> decimal = config_store::ParseDecimal(text, decimals);
    if (!decimal) continue;
    Check(*decimal >= 0, "negative");
    Check(ParseNumber(text).has_value(), "a decimal that is no number");
  }
  if (const std::optional<int64_t> integer = config_store::ParseInteger(text)) {
    Check(ParseNumber(text).has_value(), "an integer that is no number");
  }
}

void CheckPaths(absl::string_view path) {
  const std::string normal = cloud_link::NormalPath(path);
  Check(cloud_link::NormalPath(normal) == normal, "not stable");
  // Both sides name the controllers of the paths that a configuration may have.
  if (absl::StartsWith(path, "/") && !absl::EndsWith(path, "/") && !absl::StrContains(path, "//")) {
    Check(normal == path, "another path");
    Check(config_store::ControllerOf(path, false) == cloud_link::AddressOf(path).controller,
          "two names of a controller");
    Check(config_store::ControllerOf(path, true) == cloud_link::GpsAddressOf(path).controller,
          "two names of a gps controller");
  }
  const std::string process = process_data::NormalizePath(path);
  Check(process_data::NormalizePath(process) == process, "not stable");
  if (process_data::IsValidPointPath(process)) {
    Check(process_data::IsWithin(process, process_data::ParentPath(process)), "not below");
    Check(!process_data::FirstLevel(process).empty(), "no level");
  }
  const absl::StatusOr<std::vector<std::string>> levels = config_store::ParseDatabasePath(path);
  if (levels.ok()) Check(!levels->empty() && levels->size() < 64, "no levels");
}

void CheckGuesses(absl::string_view text) {
  const std::string id = cloud_link::GuessRequestId(text);
  Check(id.size() <= 256 && absl::StrContains(text, id), "no id of the text");
  const absl::StatusOr<tixml::Document> document = tixml::Parse(text);
  const bool json = document.ok() && document->format == tixml::Format::kJson;
  Check(!document.ok() || json == (cloud_link::GuessFormat(text) == tixml::Format::kJson),
        "the answer's format is another one");
}

bool SteersTerminal(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void CheckWords(absl::string_view text) {
  Check(!SteersTerminal(commands::Printable(text)), "it steers a terminal");
  const std::string word = commands::OneWord(text);
  Check(!word.empty() && !SteersTerminal(word), "it steers a terminal");
  Check(word.front() == '"' || !absl::StrContains(word, " "), "two words");
  const std::string line = config_store::OneLine(text, 20);
  Check(line.size() <= 80 || !IsUtf8(text), "a line that is longer");
  Check(!SteersTerminal(line), "not one line");
  Check(!IsUtf8(text) || IsUtf8(line), "half a character");
}

}  // namespace
}  // namespace fieldgate::fuzz

// The first byte says which language.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fieldgate::fuzz;
  Input input(data, size);
  switch (input.Byte()) {
    case 't':
      CheckTopic(input.Rest());
      break;
    case 'i':
      CheckIds(input.Rest());
      break;
    case 'u': {
      const absl::string_view url = input.Text();
      CheckUrls(url, input.Rest());
      break;
    }
    case 'h':
      CheckHostPort(input.Rest());
      break;
    case 'n':
      CheckNumbers(input.Rest());
      break;
    case 'p':
      CheckPaths(input.Rest());
      break;
    case 'g':
      CheckGuesses(input.Rest());
      break;
    case 'w':
      CheckWords(input.Rest());
      break;
    default:
      return -1;  // not worth keeping
  }
  return 0;
}
