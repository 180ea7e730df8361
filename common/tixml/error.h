#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/tixml/node.h"

// The project's one table of TiXML error numbers (manual section 1.3).
namespace fieldgate::tixml {

struct ErrorEntry {
  int number;        // -2196
  const char* text;  // "path to key not found"
};

// Every number that an answer can hold, for the README.
absl::Span<const ErrorEntry> ErrorTable();

inline constexpr int kInvalidCommand = -2100;
inline constexpr int kInvalidSyntax = -2101;
inline constexpr int kTooLarge = -2102;
inline constexpr int kUnknownDatabase = -2150;
inline constexpr int kInvalidConfiguration = -2151;
inline constexpr int kTakenBack = -2152;
inline constexpr int kInvalidValue = -2190;
inline constexpr int kReadOnly = -2191;
inline constexpr int kDeviceRefused = -2192;
inline constexpr int kPathNotFound = -2196;  // the manual's
inline constexpr int kUnavailable = -2197;
inline constexpr int kBusy = -2198;
inline constexpr int kInternal = -2199;

// How much an answer says: ver="n" (default), "y" or "v".
enum class Verbosity { kNumber, kShort, kLong };

// "n", "y", "v"; anything else, and nothing, is kNumber.
Verbosity ParseVerbosity(absl::string_view ver);

struct Error {
  int number = kInternal;
  // The table's text if empty.
  absl::string_view text = {};
  // What exactly and what would be right; sent as ErrorCause's ErrText.
  absl::string_view detail = {};
  // The command's class: "Get", "SetConfig".
  absl::string_view class_name = {};
  // For kLong: where in our source.
  int line = 0;
  absl::string_view module = {};
};

// <Error .../> as Table 1-4 has it for each verbosity.
Node ErrorNode(const Error& error, Verbosity verbosity);

// The table's number for a status of one of our services; kInternal for OK and
// whatever has no number of its own.
int NumberFor(const absl::Status& status);

}  // namespace fieldgate::tixml
