#include "services/cloud_link/signal_led/led.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kMaxFile = 16 << 10;  // the list of triggers names each processor
constexpr char kNone[] = "none";
constexpr char kTimer[] = "timer";

// Not made if it is missing: the folder might be something else.
absl::Status WriteText(const std::string& file, absl::string_view text) {
  const int fd = open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, file);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  close(fd);
  return written ? absl::OkStatus() : absl::ErrnoToStatus(error, file);
}

absl::StatusOr<std::string> ReadText(const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, file);
  std::string text(kMaxFile, '\0');
  size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = read(fd, text.data() + size, text.size() - size)) > 0) {
    size += static_cast<size_t>(got);
  }
  const int error = errno;
  close(fd);
  if (got < 0) return absl::ErrnoToStatus(error, file);
  text.resize(size);
  return std::string(absl::StripAsciiWhitespace(text));
}

// "none [timer] heartbeat": all, and the one in force.
struct Triggers {
  std::vector<std::string> all;
  std::string current;
};

Triggers ParseTriggers(absl::string_view text) {
  Triggers triggers;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    absl::string_view name = word;
    const bool current = absl::ConsumePrefix(&name, "[") && absl::ConsumeSuffix(&name, "]");
    if (current || triggers.all.empty()) triggers.current = std::string(name);
    triggers.all.emplace_back(name);
  }
  return triggers;
}

}  // namespace

void Led::Show(Light light, MonotonicTime now) {
  if (light_ == light) return;
  light_ = light;
  Apply(now);
}

void Led::Settle(MonotonicTime now) {
  if (now < deadline_) return;
  if (!written_ || !IsAsWritten()) return Apply(now);
  if (!toggling_) {
    deadline_ = now + kLookEvery;
    return;
  }
  lit_ = !lit_;
  const absl::Status status = SetBrightness(lit_);
  NoteResult(status);
  // At a steady pace, which starts anew after a stall.
  if (!status.ok()) {
    deadline_ = now + kLookEvery;
  } else {
    deadline_ = deadline_ + kHalfPeriod > now ? deadline_ + kHalfPeriod : now + kHalfPeriod;
  }
}

void Led::Apply(MonotonicTime now) {
  const absl::Status status = Write();
  NoteResult(status);
  deadline_ = now + (status.ok() && toggling_ ? kHalfPeriod : kLookEvery);
}

absl::Status Led::Write() {
  toggling_ = false;
  const absl::StatusOr<std::string> triggers = ReadText(folder_ + "/trigger");
  if (triggers.ok()) {
    const std::vector<std::string> all = ParseTriggers(*triggers).all;
    has_timer_ |= std::find(all.begin(), all.end(), kTimer) != all.end();
  }
  if (*light_ == Light::kFlashing) {
    if (has_timer_ && WriteFlashing().ok()) return absl::OkStatus();
    toggling_ = true;
    lit_ = true;
  }
  if (triggers.ok()) {
    if (absl::Status s = SetTrigger(kNone); !s.ok()) return s;
  } else if (!absl::IsNotFound(triggers.status())) {
    return triggers.status();  // a kernel without triggers has no such file
  }
  return SetBrightness(*light_ != Light::kOff);
}

absl::Status Led::WriteFlashing() {
  absl::Status status = SetTrigger(kTimer);
  // The trigger brings these files.
  const std::string half_period = absl::StrCat(absl::ToInt64Milliseconds(kHalfPeriod));
  for (const char* file : {"/delay_on", "/delay_off"}) {
    if (status.ok()) status = WriteText(folder_ + file, half_period);
  }
  return status;
}

absl::Status Led::SetTrigger(const std::string& trigger) {
  return WriteText(folder_ + "/trigger", trigger);
}

absl::Status Led::SetBrightness(bool on) {
  if (!on) return WriteText(folder_ + "/brightness", "0");
  const absl::StatusOr<std::string> max = ReadText(folder_ + "/max_brightness");
  if (!max.ok()) return max.status();
  return WriteText(folder_ + "/brightness", *max);
}

bool Led::IsAsWritten() {
  const absl::StatusOr<std::string> triggers = ReadText(folder_ + "/trigger");
  if (!triggers.ok() && !absl::IsNotFound(triggers.status())) return false;
  const std::string current = triggers.ok() ? ParseTriggers(*triggers).current : kNone;
  if (*light_ == Light::kFlashing && !toggling_) return current == kTimer;
  const absl::StatusOr<std::string> brightness = ReadText(folder_ + "/brightness");
  const bool on = toggling_ ? lit_ : *light_ == Light::kOn;
  return current == kNone && brightness.ok() && (*brightness != "0") == on;
}

void Led::NoteResult(const absl::Status& status) {
  written_ = status.ok();
  if (status.ok() == !failed_) return;
  failed_ = !status.ok();
  if (failed_) {
    log::Warning("the signal LED can't be written; it is tried again",
                 {{"led", folder_}, {"why", std::string(status.message())}});
  } else {
    log::Info("the signal LED is there", {{"led", folder_}});
  }
}

}  // namespace fieldgate::cloud_link
