#include "services/process_data/system/system_reader.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <utmp.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/process_data/system/text_file.h"

namespace fieldgate::process_data {
namespace {

constexpr uint64_t kSectorBytes = 512;  // of /sys/class/block, whatever the device has

// Two readings closer together than this many ticks (a tenth of a second of
// one processor) say more about the reading than about the load.
constexpr uint64_t kFewTicks = 10;

// Far more records than a device writes between two starts.
constexpr std::streamoff kMaxWtmpBytes = 4096 * sizeof(utmp);

std::vector<absl::string_view> Words(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

// "MemTotal:  16384 kB" of /proc/meminfo, in bytes.
std::optional<uint64_t> MemoryOf(absl::string_view meminfo, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(meminfo, '\n')) {
    const std::vector<absl::string_view> words = Words(line);
    uint64_t kilobytes = 0;
    if (words.size() >= 2 && words[0] == key && absl::SimpleAtoi(words[1], &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return std::nullopt;
}

// All partitions of /proc/mtd: "mtd0: 00100000 00020000 "boot"".
std::optional<uint64_t> FlashSize(absl::string_view mtd) {
  std::optional<uint64_t> sum;
  for (const absl::string_view line : absl::StrSplit(mtd, '\n')) {
    const std::vector<absl::string_view> words = Words(line);
    uint64_t size = 0;
    if (words.size() < 2 || !absl::EndsWith(words[0], ":")) continue;
    if (absl::SimpleHexAtoi(words[1], &size)) sum = sum.value_or(0) + size;
  }
  return sum;
}

bool IsMountedAt(absl::string_view path, absl::string_view mount) {
  return mount == "/" || (absl::ConsumePrefix(&path, mount) && (path.empty() || path[0] == '/'));
}

// "/dev/root /data ext4 rw 0 0" of /proc/mounts.
std::string FileSystemType(absl::string_view mounts, absl::string_view path) {
  std::string type;
  size_t longest = 0;
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    const std::vector<absl::string_view> words = Words(line);
    if (words.size() < 3 || !IsMountedAt(path, words[1])) continue;
    if (words[1].size() < longest) continue;  // of equal ones the later hides the former
    longest = words[1].size();
    type = std::string(words[2]);
  }
  return type;
}

// The rest of the line of `text` that begins with `key`.
absl::string_view LineOf(absl::string_view text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, key)) return line;
  }
  return "";
}

// When the machine was last shut down in order, by its log of such events.
std::optional<absl::Time> LastShutdown(const std::string& wtmp) {
  std::ifstream stream(wtmp, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (!stream || size < 0) return std::nullopt;
  constexpr auto kRecord = static_cast<std::streamoff>(sizeof(utmp));
  const std::streamoff whole = size - size % kRecord;
  stream.seekg(std::max<std::streamoff>(0, whole - kMaxWtmpBytes));
  std::optional<absl::Time> last;
  utmp record;
  while (stream.read(reinterpret_cast<char*>(&record), kRecord)) {
    if (record.ut_type == RUN_LVL && std::strncmp(record.ut_user, "shutdown", 9) == 0) {
      last = absl::FromUnixSeconds(record.ut_tv.tv_sec);
    }
  }
  return last;
}

}  // namespace

SystemReader::Answers SystemReader::Ask(Sources sources, const std::string& modem) const {
  Answers answers;
  if (sources & kLogCounters) {
    for (const char* log : kMessageLogs) {
      const std::optional<int64_t> count = options_.log_counter(log);
      if (!count.has_value()) break;  // who counts is away: of the others, too
      answers.log_counters[log] = *count;
    }
  }
  if (sources & kModemSource) answers.modem = options_.modem(modem);
  return answers;
}

void SystemReader::Read(Sources sources, const config_store::v1::Device& device,
                        const Answers& answers, SystemValues& values) {
  if (sources & kMemory) ReadMemory(values);
  if (sources & kStorage) ReadStorage(values);
  if (sources & kKernel) ReadKernel(values);
  if (sources & kNetwork) {
    values.interfaces = ReadInterfaces(options_.root, device.interfaces(), options_.addresses());
  }
  if (sources & kTimes) ReadTimes(values);
  if (sources & kLogCounters) {
    for (const auto& [log, count] : answers.log_counters) values.log_counters[log] = count;
  }
  if (sources & kModemSource) values.modem = answers.modem;
  if (sources & kMainboardSource) {
    const config_store::v1::SignalLed& led = device.signal_led();
    ReadMainboard(led.green().empty() ? led.red() : led.green(), values);
  }
}

std::string SystemReader::File(absl::string_view path) const {
  return absl::StrCat(options_.root, path);
}

void SystemReader::ReadMemory(SystemValues& values) const {
  const std::string meminfo = ReadTextFile(File("/proc/meminfo"));
  values.ram_size = MemoryOf(meminfo, "MemTotal:");
  values.ram_free = MemoryOf(meminfo, "MemAvailable:");
}

void SystemReader::ReadStorage(SystemValues& values) const {
  values.rom_size = FlashSize(ReadTextFile(File("/proc/mtd")));
  uint64_t sectors = 0;
  if (!values.rom_size.has_value() &&
      absl::SimpleAtoi(ReadTextFile(File("/sys/class/block/mmcblk0/size")), &sectors)) {
    values.rom_size = sectors * kSectorBytes;
  }
  values.file_size.reset();
  values.file_free.reset();
  struct statvfs file_system;
  if (statvfs(options_.state_dir.c_str(), &file_system) != 0) return;
  values.file_size = uint64_t{file_system.f_blocks} * file_system.f_frsize;
  values.file_free = uint64_t{file_system.f_bavail} * file_system.f_frsize;
  std::error_code error;
  const std::string path = std::filesystem::canonical(options_.state_dir, error);
  values.file_system_type = FileSystemType(ReadTextFile(File("/proc/mounts")), path);
}

void SystemReader::ReadKernel(SystemValues& values) const {
  const auto kernel = [this](absl::string_view name) {
    return ReadTextFile(File(absl::StrCat("/proc/sys/kernel/", name)));
  };
  utsname name;
  const std::string machine = uname(&name) == 0 ? name.machine : "";
  values.system_info =
      absl::StrCat(kernel("ostype"), " ", kernel("hostname"), " ", kernel("osrelease"), " ",
                   kernel("version"), " ", machine, " GNU/Linux\n");
}

void SystemReader::ReadTimes(SystemValues& values) const {
  values.now = clock_.WallNow();
  values.zone = absl::LocalTimeZone();
  int64_t start = 0;
  values.power_on.reset();
  if (absl::SimpleAtoi(LineOf(ReadTextFile(File("/proc/stat")), "btime "), &start)) {
    values.power_on = absl::FromUnixSeconds(start);
  }
  values.power_off = LastShutdown(File("/var/log/wtmp"));
}

void SystemReader::ReadMainboard(const std::string& signal_led, SystemValues& values) {
  values.polling = options_.polling();
  if (!signal_led.empty()) {
    values.signal_led = ReadTextFile(File(absl::StrCat(signal_led, "/brightness")));
  }
  // user nice system idle iowait irq softirq steal
  const std::string stat = ReadTextFile(File("/proc/stat"));
  CpuTimes now;
  int column = 0;
  for (const absl::string_view word : Words(LineOf(stat, "cpu "))) {
    uint64_t ticks = 0;
    if (column == 8 || !absl::SimpleAtoi(word, &ticks)) break;  // guests are in user
    now.all += ticks;
    if (column != 3 && column != 4) now.busy += ticks;
    ++column;
  }
  if (now.all < cpu_times_.all + kFewTicks) return;
  const auto all = static_cast<double>(now.all - cpu_times_.all);
  // The kernel's sums may go back by a tick.
  const auto busy = static_cast<double>(now.busy - std::min(now.busy, cpu_times_.busy));
  values.cpu_load = static_cast<int>(std::lround(std::min(1.0, busy / all) * 100));
  cpu_times_ = now;
}

}  // namespace fieldgate::process_data
