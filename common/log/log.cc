#include "common/log/log.h"

#include <unistd.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace fieldgate::log {
namespace {

constexpr size_t kMaxLine = 8192;

struct Settings {
  std::string service = "fieldgate";
  Format format = Format::kText;
};

Settings& GlobalSettings() {
  static Settings& settings = *new Settings;
  return settings;
}

std::atomic<Level> lowest_level = Level::kInfo;

constexpr absl::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

absl::string_view Name(Level level) { return kLevelNames[static_cast<int>(level)]; }

void AppendEscaped(std::string& out, absl::string_view text) {
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (u < 0x20 || u == 0x7f) {
      absl::StrAppendFormat(&out, "\\u%04x", u);
    } else {
      out += c;
    }
  }
}

void AppendQuoted(std::string& out, absl::string_view text) {
  out += '"';
  AppendEscaped(out, text);
  out += '"';
}

bool NeedsQuotes(absl::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= 0x20 || u == 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

// Cuts to `size` without splitting a UTF-8 character.
void Cut(std::string& text, size_t size) {
  if (text.size() <= size) return;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  text.resize(size);
}

}  // namespace

void Configure(absl::string_view service, Format format, Level lowest) {
  GlobalSettings().service = std::string(service);
  GlobalSettings().format = format;
  lowest_level = lowest;
}

std::string FormatLine(Format format, absl::string_view time, Level level,
                       absl::string_view service, absl::string_view message,
                       std::initializer_list<Field> fields) {
  std::string line;
  if (format == Format::kJson) {
    absl::StrAppend(&line, "{\"time\":\"", time, "\",\"level\":\"", Name(level), "\",\"service\":");
    AppendQuoted(line, service);
    line += ",\"message\":";
    std::string text(message);
    Cut(text, kMaxLine / 4);
    AppendQuoted(line, text);
    for (const Field& field : fields) {
      std::string member = ",";
      AppendQuoted(member, field.key);
      member += ':';
      AppendQuoted(member, field.value);
      if (line.size() + member.size() > kMaxLine - 2) break;  // a JSON line stays JSON
      line += member;
    }
    line += '}';
    return line;
  }
  line = absl::StrFormat("%s %-7s %s: ", time, Name(level), service);
  AppendEscaped(line, message);
  for (const Field& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=");
    if (NeedsQuotes(field.value)) {
      AppendQuoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  Cut(line, kMaxLine - 1);
  return line;
}

void Log(Level level, absl::string_view message, std::initializer_list<Field> fields) {
  if (level < lowest_level) return;
  const Settings& settings = GlobalSettings();
  std::string line = FormatLine(
      settings.format, absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
      level, settings.service, message, fields);
  line += '\n';
  // One write a line. Nobody can be told when stderr is gone.
  [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, line.data(), line.size());
}

bool ParseFormat(absl::string_view text, Format& format) {
  if (text != "text" && text != "json") return false;
  format = text == "json" ? Format::kJson : Format::kText;
  return true;
}

bool ParseLevel(absl::string_view text, Level& level) {
  for (int i = 0; i < 4; ++i) {
    if (text == kLevelNames[i]) {
      level = static_cast<Level>(i);
      return true;
    }
  }
  return false;
}

}  // namespace fieldgate::log
