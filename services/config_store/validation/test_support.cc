#include "services/config_store/validation/test_support.h"

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gtest/gtest.h"

namespace fieldgate::config_store {

tixml::Node Database(const std::string& name, absl::string_view elements) {
  tixml::Node database;
  database.name = name;
  if (elements.empty()) return database;
  absl::StatusOr<tixml::Document> document = tixml::Parse(elements);
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << elements;
  if (document.ok()) database.children = std::move(document->nodes);
  return database;
}

std::vector<std::string> Lines(const Problems& problems) {
  std::vector<std::string> lines;
  for (const v1::Problem& problem : problems.Sorted()) {
    lines.push_back(absl::StrCat(problem.severity() == v1::Problem::ERROR ? "error " : "warning ",
                                 problem.line(), " ", problem.path(), ": ", problem.message(), "; ",
                                 problem.remedy()));
  }
  return lines;
}

}  // namespace fieldgate::config_store
