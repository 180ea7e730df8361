#pragma once

#include <string>
#include <vector>

#include "common/tixml/node.h"
#include "proto/config_store.pb.h"

namespace fieldgate::config_store {

// Where something stands in the configuration. Very long names are cut, since
// each element below them has them in its path.
struct Place {
  std::string path;  // "/ISP/CloudConn/QoS", an attribute: ".../Device1/@poll"
  int line = 0;      // of the request's text; 0: unknown

  Place Child(const tixml::Node& child) const;
  Place Attribute(absl::string_view name) const;
};

// Collects all that is wrong with a configuration. At most kMax errors and
// kMax warnings are kept; of further ones only their number.
class Problems {
 public:
  static constexpr int kMax = 500;

  // `message`: what is wrong, with the value. `remedy`: what would be right.
  void Error(const Place& place, std::string message, std::string remedy);
  void Warning(const Place& place, std::string message, std::string remedy);
  void Append(const Problems& other);

  // All errors, kept or not.
  int errors() const { return errors_.count; }
  // More warnings would not be kept, so they need not be worked out.
  bool full() const { return warnings_.count >= kMax; }

  // By line; those without a line last, in the order in which they were found.
  std::vector<v1::Problem> Sorted() const;

 private:
  struct List {
    std::vector<v1::Problem> kept;
    int count = 0;

    void Append(const List& other);
  };

  List errors_;
  List warnings_;
};

// The value in quotes, cut when it is very long: for messages.
std::string Quote(absl::string_view value);

}  // namespace fieldgate::config_store
