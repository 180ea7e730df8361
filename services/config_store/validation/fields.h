#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/tixml/node.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// The settings of one element: its attributes, or its child elements with
// their values (the attribute "_", or the text). Names are matched without
// regard to case. An empty value counts as not given.
//
// Each getter returns `fallback` when the field is not given, and also, after
// noting an error, when its value is wrong. A field that no getter was asked
// for is unknown. The element must outlive the Fields.
class Fields {
 public:
  enum class Of { kAttributes, kChildren };

  // A field given twice is an error; the first one counts.
  Fields(Of source, const tixml::Node& element, const Place& place, Problems& problems);

  bool Has(absl::string_view name) { return Text(name) != nullptr; }
  const std::string* Text(absl::string_view name);  // nullptr: not given
  std::string TextOr(absl::string_view name, absl::string_view fallback);
  int64_t Integer(absl::string_view name, int64_t min, int64_t max, int64_t fallback);
  double Number(absl::string_view name, double fallback);
  bool Flag(absl::string_view name, bool fallback);  // 0 or 1
  // "30d": from 1s to 3650d, in seconds.
  int64_t Age(absl::string_view name, int64_t fallback);
  // The path of a value, from '/' on, no level empty; "" when it is not given.
  std::string Path(absl::string_view name);

  template <class T>
  T Choice(absl::string_view name, absl::Span<const std::pair<absl::string_view, T>> options,
           T fallback) {
    std::vector<absl::string_view> names;
    for (const auto& option : options) names.push_back(option.first);
    const int index = ChoiceIndex(name, names);
    return index < 0 ? fallback : options[static_cast<size_t>(index)].second;
  }

  // The child element itself, or nullptr.
  const tixml::Node* Element(absl::string_view name);

  // All names as written.
  std::vector<std::string> Names() const;

  // The place of the field, or of the element when it is not given.
  Place At(absl::string_view name);

  // Notes errors. `example` shows the field as it should be written.
  void Require(absl::string_view name, absl::string_view example);
  void Error(absl::string_view name, std::string message, std::string remedy);
  void Warning(absl::string_view name, std::string message, std::string remedy);

  // Errors about fields named like one of `families` with a number that is not
  // from 1 to `last` (at most 9): there is no such `what`.
  void RefuseOtherNumbers(const std::vector<absl::string_view>& families, int last,
                          absl::string_view what);

  // Warns about each unknown field, with the nearest known one.
  void WarnAboutUnknown();

 private:
  struct Field {
    const std::string* name;
    const std::string* value;  // nullptr: none
    const tixml::Node* child;  // nullptr: an attribute
    bool known;
  };

  Field* Look(absl::string_view name);
  const Field* Ask(absl::string_view name);
  int ChoiceIndex(absl::string_view name, const std::vector<absl::string_view>& options);

  const Place place_;
  Problems& problems_;
  std::vector<Field> fields_;
  absl::flat_hash_map<std::string, size_t> by_name_;  // in lower case
  std::vector<std::string> asked_;
};

}  // namespace fieldgate::config_store
