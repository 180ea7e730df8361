// device.json, and the system tree that it becomes.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/tixml/node_proto.h"
#include "services/config_store/device_identity.h"
#include "services/process_data/system/system_entries.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

void CheckInput(absl::string_view text) {
  std::vector<std::string> warnings;
  const absl::StatusOr<config_store::v1::Device> device =
      Bounded([&] { return config_store::ParseDeviceIdentity(text, "device.json", warnings); });
  for (const std::string& warning : warnings) Check(!warning.empty(), "an empty warning");
  if (!device.ok()) {
    Check(absl::IsInvalidArgument(device.status()), "another error");
    Check(absl::StartsWith(device.status().message(), "device.json: "), "the file is not named");
    return;
  }
  Check(device->serial_number().size() == 8, "a serial number of another length");
  Check(!device->product_name().empty(), "no product name");
  std::string bytes;
  Check(device->SerializeToString(&bytes), "it can't be sent");
  Check(config_store::v1::Device().ParseFromString(bytes), "it can't be received");
  const tixml::v1::Node tree = process_data::BuildSystemTree(
      process_data::SystemEntries(*device, process_data::SystemValues()), {});
  const absl::StatusOr<tixml::Node> node = tixml::FromProto(tree);
  Check(node.ok(), "no tree");
  for (const tixml::Format format : {tixml::Format::kTiXml, tixml::Format::kJson}) {
    if (format == tixml::Format::kTiXml && !HasXmlNames({*node})) continue;
    const std::string body = WriteBody(format, {*node}, "");
    if (body.size() > tixml::kMaxBytes) continue;
    const absl::StatusOr<tixml::Document> document = tixml::Parse(body);
    Check(document.ok() && document->nodes.at(0) == *node, "another tree");
  }
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
