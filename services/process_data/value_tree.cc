#include "services/process_data/value_tree.h"

#include "services/process_data/paths.h"

namespace fieldgate::process_data {

tixml::v1::Node& TreeBuilder::At(absl::string_view path) {
  const auto it = nodes_.find(std::string(path));
  if (it != nodes_.end()) return *it->second;
  tixml::v1::Node& node = *At(ParentPath(path)).add_children();
  node.set_name(std::string(path.substr(path.rfind('/') + 1)));
  nodes_[std::string(path)] = &node;  // stays where it is when siblings are added
  return node;
}

void TreeBuilder::Put(absl::string_view path, absl::string_view text) {
  auto* attribute = At(path).add_attributes();
  attribute->set_name("_");
  attribute->set_value(std::string(text));
}

tixml::v1::Node BuildTree(absl::string_view path,
                          const std::vector<ProcessImage::Reading>& readings) {
  tixml::v1::Node root;
  root.set_name(std::string(path.substr(path.rfind('/') + 1)));
  TreeBuilder builder(path, root);
  for (const ProcessImage::Reading& reading : readings) builder.Put(reading.path, reading.text);
  return root;
}

}  // namespace fieldgate::process_data
