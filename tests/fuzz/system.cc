// What the machine tells about itself, as files of proc, sys and etc: any
// content gives a tree that can be sent.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tixml/node_proto.h"
#include "services/process_data/system/system_entries.h"
#include "services/process_data/system/system_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

using process_data::SystemReader;

constexpr const char* kFiles[] = {
    "/etc/resolv.conf",
    "/proc/net/route",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/mtd",
    "/proc/mounts",
    "/proc/sys/kernel/ostype",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/version",
    "/sys/class/net/eth0/type",
    "/sys/class/net/eth0/ifindex",
    "/sys/class/net/eth0/carrier",
    "/sys/class/net/eth0/speed",
    "/sys/class/net/eth0/address",
    "/sys/class/block/mmcblk0/size",
    "/sys/class/leds/signal/brightness",
    "/var/log/wtmp",  // the rest of the input, which may hold zero bytes
};

// In memory where that is possible; removed when the process ends.
class Machine {
 public:
  Machine() {
    std::error_code error;
    const bool memory = std::filesystem::is_directory("/dev/shm", error);
    std::string name = memory ? "/dev/shm/fg.XXXXXX" : "/tmp/fg.XXXXXX";
    Check(mkdtemp(name.data()) != nullptr, "no directory");
    root_ = name;
    for (const char* file : kFiles) {
      std::filesystem::create_directories(std::filesystem::path(root_ + file).parent_path());
    }
  }
  ~Machine() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  const std::string& root() const { return root_; }
  void Write(const std::string& file, absl::string_view content) {
    std::string& before = contents_[file];
    if (before == content) return;
    before = std::string(content);
    std::ofstream stream(root_ + file, std::ios::binary | std::ios::trunc);
    stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  }

 private:
  std::string root_;
  std::map<std::string, std::string> contents_;
};

config_store::v1::Device TheDevice() {
  config_store::v1::Device device;
  device.set_serial_number("01234567");
  device.set_product_name("WT640");
  (*device.mutable_interfaces())["Ethernet"] = "eth0";
  (*device.mutable_interfaces())["MODEM"] = "eth0";
  device.mutable_signal_led()->set_green("/sys/class/leds/signal");
  return device;
}

void CheckInput(Input input) {
  static Machine machine;
  for (const char* file : kFiles) {
    const bool last = file == *(std::end(kFiles) - 1);
    machine.Write(file, last ? input.Rest() : input.Text());
  }
  static const FakeClock clock;
  const config_store::v1::Device device = TheDevice();
  SystemReader reader(clock, {.root = machine.root(), .state_dir = machine.root(), .addresses = [] {
                                return std::vector<process_data::InterfaceAddress>{
                                    {"eth0", "192.168.0.2", "255.255.255.0"}};
                              }});
  process_data::SystemValues values;
  const std::vector<process_data::SystemEntry> entries = Bounded([&] {
    reader.Read(process_data::kAllSources, device, reader.Ask(process_data::kAllSources, ""),
                values);
    return process_data::SystemEntries(device, values);
  });
  if (values.cpu_load) Check(*values.cpu_load >= 0 && *values.cpu_load <= 100, "no percentage");
  const tixml::v1::Node tree = process_data::BuildSystemTree(entries, {});
  std::string bytes;
  Check(tree.SerializeToString(&bytes), "it can't be sent");
  Check(tixml::v1::Node().ParseFromString(bytes), "it can't be received");
  const absl::StatusOr<tixml::Node> node = tixml::FromProto(tree);
  Check(node.ok(), "no tree");
  const std::string body = WriteBody(tixml::Format::kTiXml, {*node}, "");
  if (body.size() > tixml::kMaxBytes) return;
  const absl::StatusOr<tixml::Document> document = tixml::Parse(body);
  Check(document.ok() && document->nodes.at(0) == *node, "another tree");
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({data, size});
  return 0;
}
