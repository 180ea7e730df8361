#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace fieldgate::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

// One key=value of a line. Never a secret: log that there is a password, not
// which.
struct Field {
  absl::string_view key;
  std::string value;
};

// Settings of this process; call once, before other threads log.
void Configure(absl::string_view service, Format format, Level lowest);

// Writes one line to stderr: time (UTC, milliseconds), level, service, message
// and fields. Control characters are escaped, so that a value can't forge a
// line; a line is at most 8 KiB, longer ones are cut. Thread-safe; lines of
// several threads and processes don't mix.
void Log(Level level, absl::string_view message, std::initializer_list<Field> fields = {});

inline void Debug(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Log(Level::kDebug, message, fields);
}
inline void Info(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Log(Level::kInfo, message, fields);
}
inline void Warning(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Log(Level::kWarning, message, fields);
}
inline void Error(absl::string_view message, std::initializer_list<Field> fields = {}) {
  Log(Level::kError, message, fields);
}

// What Log writes, without the line's end; for tests.
std::string FormatLine(Format format, absl::string_view time, Level level,
                       absl::string_view service, absl::string_view message,
                       std::initializer_list<Field> fields);

// "text" or "json"; false when it is neither.
bool ParseFormat(absl::string_view text, Format& format);
// "debug", "info", "warning", "error".
bool ParseLevel(absl::string_view text, Level& level);

}  // namespace fieldgate::log
