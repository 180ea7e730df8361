#include "services/config_store/validation/fields.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/cli/options.h"
#include "common/value/value.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

constexpr int64_t kDay = 86'400;
constexpr int64_t kMaxAge = 3'650 * kDay;
constexpr std::pair<char, int64_t> kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', kDay}};

// "30d" in seconds.
std::optional<int64_t> ParseAge(absl::string_view text) {
  for (const auto& [unit, seconds] : kUnits) {
    if (text.empty() || text.back() != unit) continue;
    const std::optional<int64_t> number = ParseInteger(text.substr(0, text.size() - 1));
    if (!number.has_value()) return std::nullopt;
    // What is out of range without its unit is so with it.
    return *number < 0 || *number > kMaxAge ? *number : *number * seconds;
  }
  return std::nullopt;
}

}  // namespace

Fields::Fields(Of source, const tixml::Node& element, const Place& place, Problems& problems)
    : place_(place), problems_(problems) {
  if (source == Of::kAttributes) {
    for (const tixml::Attribute& a : element.attributes) {
      fields_.push_back({&a.name, &a.value, nullptr, false});
    }
  } else {
    for (const tixml::Node& child : element.children) {
      const std::string* value = child.Find("_");
      if (value == nullptr && !child.text.empty()) value = &child.text;
      fields_.push_back({&child.name, value, &child, false});
    }
  }
  std::vector<Field> once;
  for (const Field& field : fields_) {
    if (by_name_.try_emplace(absl::AsciiStrToLower(*field.name), once.size()).second) {
      once.push_back(field);
      continue;
    }
    problems_.Error(
        field.child != nullptr ? place_.Child(*field.child) : place_.Attribute(*field.name),
        absl::StrCat(*field.name, " is given twice"), "remove one of them");
  }
  fields_ = std::move(once);
}

Fields::Field* Fields::Look(absl::string_view name) {
  const auto found = by_name_.find(absl::AsciiStrToLower(name));
  return found != by_name_.end() ? &fields_[found->second] : nullptr;
}

const Fields::Field* Fields::Ask(absl::string_view name) {
  asked_.emplace_back(name);
  Field* const field = Look(name);
  if (field != nullptr) field->known = true;
  return field;
}

const std::string* Fields::Text(absl::string_view name) {
  const Field* const field = Ask(name);
  if (field == nullptr || field->value == nullptr || field->value->empty()) return nullptr;
  return field->value;
}

std::string Fields::TextOr(absl::string_view name, absl::string_view fallback) {
  const std::string* const text = Text(name);
  return text != nullptr ? *text : std::string(fallback);
}

int64_t Fields::Integer(absl::string_view name, int64_t min, int64_t max, int64_t fallback) {
  const std::string* const text = Text(name);
  if (text == nullptr) return fallback;
  const std::optional<int64_t> number = ParseInteger(*text);
  if (number.has_value() && *number >= min && *number <= max) return *number;
  Error(name, absl::StrCat(Quote(*text), number ? " is out of range" : " is not a whole number"),
        absl::StrCat("write a number from ", min, " to ", max));
  return fallback;
}

double Fields::Number(absl::string_view name, double fallback) {
  const std::string* const text = Text(name);
  if (text == nullptr) return fallback;
  if (const std::optional<double> number = ParseNumber(*text)) return *number;
  Error(name, absl::StrCat(Quote(*text), " is not a number"),
        "write a number such as 0.1, with a decimal point");
  return fallback;
}

bool Fields::Flag(absl::string_view name, bool fallback) {
  const std::string* const text = Text(name);
  if (text == nullptr) return fallback;
  if (*text == "0" || *text == "1") return *text == "1";
  Error(name, absl::StrCat(Quote(*text), " is neither 0 nor 1"), "write 0 or 1");
  return fallback;
}

int64_t Fields::Age(absl::string_view name, int64_t fallback) {
  const std::string* const text = Text(name);
  if (text == nullptr) return fallback;
  const std::optional<int64_t> seconds = ParseAge(*text);
  if (seconds.has_value() && *seconds >= 1 && *seconds <= kMaxAge) return *seconds;
  Error(name, absl::StrCat(Quote(*text), seconds ? " is out of range" : " is no age"),
        "write a whole number with s, m, h or d behind it, from 1s to 3650d");
  return fallback;
}

std::string Fields::Path(absl::string_view name) {
  const std::string* const path = Text(name);
  if (path == nullptr) return {};
  if (!absl::StartsWith(*path, "/")) {
    Error(name, absl::StrCat(Quote(*path), " does not start with '/'"),
          absl::StrCat("write /", *path));
    return {};
  }
  if (absl::EndsWith(*path, "/") || absl::StrContains(*path, "//")) {
    Error(name, absl::StrCat(Quote(*path), " has an empty level"),
          "write the path of a value, such as /Process/Bus1/Device1/DP1");
    return {};
  }
  return *path;
}

int Fields::ChoiceIndex(absl::string_view name, const std::vector<absl::string_view>& options) {
  const std::string* const text = Text(name);
  if (text == nullptr) return -1;
  for (size_t i = 0; i < options.size(); ++i) {
    if (absl::EqualsIgnoreCase(*text, options[i])) return static_cast<int>(i);
  }
  Error(
      name, absl::StrCat(Quote(*text), " is not known here"),
      absl::StrCat(options.size() > 1 ? "write one of " : "write ", absl::StrJoin(options, ", ")));
  return -1;
}

const tixml::Node* Fields::Element(absl::string_view name) {
  const Field* const field = Ask(name);
  return field != nullptr ? field->child : nullptr;
}

std::vector<std::string> Fields::Names() const {
  std::vector<std::string> names;
  for (const Field& field : fields_) names.push_back(*field.name);
  return names;
}

Place Fields::At(absl::string_view name) {
  const Field* const field = Look(name);
  if (field == nullptr) return place_;
  return field->child != nullptr ? place_.Child(*field->child) : place_.Attribute(*field->name);
}

void Fields::Require(absl::string_view name, absl::string_view example) {
  if (Has(name)) return;
  problems_.Error(At(name), absl::StrCat(name, " is missing"), absl::StrCat("write ", example));
}

void Fields::Error(absl::string_view name, std::string message, std::string remedy) {
  problems_.Error(At(name), std::move(message), std::move(remedy));
}

void Fields::Warning(absl::string_view name, std::string message, std::string remedy) {
  problems_.Warning(At(name), std::move(message), std::move(remedy));
}

void Fields::RefuseOtherNumbers(const std::vector<absl::string_view>& families, int last,
                                absl::string_view what) {
  for (const std::string& name : Names()) {
    for (const absl::string_view family : families) {
      absl::string_view number = name;
      if (!absl::StartsWithIgnoreCase(name, family)) continue;
      number.remove_prefix(family.size());
      const bool digits = !number.empty() && std::all_of(number.begin(), number.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
      if (!digits || (number.size() == 1 && number[0] >= '1' && number[0] <= '0' + last)) continue;
      Text(name);  // known
      Error(name, absl::StrCat("there is no ", what, " ", number),
            absl::StrCat("use the sections 1 to ", last));
    }
  }
}

void Fields::WarnAboutUnknown() {
  std::vector<std::string> candidates;  // as asked_, in lower case
  for (const Field& field : fields_) {
    if (field.known || problems_.full()) continue;
    if (candidates.empty()) {
      for (const std::string& name : asked_) candidates.push_back(absl::AsciiStrToLower(name));
    }
    std::string nearest = cli::Nearest(absl::AsciiStrToLower(*field.name), candidates);
    if (!nearest.empty()) {
      const auto found = std::find(candidates.begin(), candidates.end(), nearest);
      nearest = asked_[static_cast<size_t>(found - candidates.begin())];
    }
    Warning(*field.name, absl::StrCat(Quote(*field.name), " is not known here and has no effect"),
            nearest.empty() ? "remove it" : absl::StrCat("did you mean ", nearest, "?"));
  }
}

}  // namespace fieldgate::config_store
