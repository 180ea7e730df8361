#include "services/process_data/value_tree.h"

#include <unordered_map>

#include "services/process_data/paths.h"

namespace fieldgate::process_data {
namespace {

class TreeBuilder {
 public:
  TreeBuilder(absl::string_view path, tixml::v1::Node& root) { nodes_[std::string(path)] = &root; }

  tixml::v1::Node& At(absl::string_view path) {
    const auto it = nodes_.find(std::string(path));
    if (it != nodes_.end()) return *it->second;
    tixml::v1::Node& node = *At(ParentPath(path)).add_children();
    node.set_name(std::string(path.substr(path.rfind('/') + 1)));
    nodes_[std::string(path)] = &node;  // stays where it is when siblings are added
    return node;
  }

 private:
  std::unordered_map<std::string, tixml::v1::Node*> nodes_;
};

}  // namespace

tixml::v1::Node BuildTree(absl::string_view path,
                          const std::vector<ProcessImage::Reading>& readings) {
  tixml::v1::Node root;
  root.set_name(std::string(path.substr(path.rfind('/') + 1)));
  TreeBuilder builder(path, root);
  for (const ProcessImage::Reading& reading : readings) {
    auto* attribute = builder.At(reading.path).add_attributes();
    attribute->set_name("_");
    attribute->set_value(reading.text);
  }
  return root;
}

}  // namespace fieldgate::process_data
