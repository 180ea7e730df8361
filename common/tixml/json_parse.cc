#include "common/tixml/json_parse.h"

#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/limits.h"
#include "common/tixml/text_position.h"
#include "common/tixml/utf8.h"
#include "common/value/value.h"

namespace fieldgate::tixml {
namespace {

namespace json = boost::json;
using Ec = json::error_code;

constexpr absl::string_view kText = "#text";

// An object that is being read.
struct Object {
  Node node;
  // False of the document itself and of the objects of a top-level array,
  // whose members are the document's.
  bool element = true;
  absl::flat_hash_set<std::string> members;
  std::string key;  // of the member being read
};

// What the parser tells, made into nodes. Boost.JSON's own tree keeps only
// the last of two members of one name and not the text of a number.
class TreeBuilder {
 public:
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);

  TreeBuilder() { open_.emplace_back().element = false; }

  std::vector<Node> TakeNodes() { return std::move(open_.front().node.children); }
  // OK if the parser found the fault itself.
  const absl::Status& status() const { return status_; }

  bool on_document_begin(Ec&) { return true; }
  bool on_document_end(Ec&) { return true; }
  bool on_object_begin(Ec& ec) {
    if (open_.size() == 1) {
      open_.emplace_back().element = false;
      return true;
    }
    if (!CheckElement(ec)) return false;
    Object object;
    object.node.name = open_.back().key;
    open_.push_back(std::move(object));
    return true;
  }
  bool on_object_end(size_t, Ec&) {
    Object object = std::move(open_.back());
    open_.pop_back();
    std::vector<Node>& siblings = open_.back().node.children;
    if (object.element) {
      siblings.push_back(std::move(object.node));
    } else {
      for (Node& node : object.node.children) siblings.push_back(std::move(node));
    }
    return true;
  }
  bool on_array_begin(Ec& ec) {
    return open_.size() == 1 || !IsAttributeOrText() ||
           Fail(absl::StrCat(Quoted(open_.back().key), " must be a string, a number or a boolean"),
                ec);
  }
  bool on_array_end(size_t, Ec&) { return true; }

  bool on_key_part(json::string_view s, size_t, Ec&) { return Append(s); }
  bool on_key(json::string_view s, size_t, Ec& ec) {
    Append(s);
    Object& object = open_.back();
    object.key = std::exchange(buffer_, {});
    if (!CheckText(object.key, ec)) return false;
    if (!object.members.insert(object.key).second) {
      return Fail(absl::StrCat("the member ", Quoted(object.key), " is there twice; use an array"),
                  ec);
    }
    return true;
  }
  bool on_string_part(json::string_view s, size_t, Ec&) { return Append(s); }
  bool on_string(json::string_view s, size_t, Ec& ec) {
    Append(s);
    const std::string text = std::exchange(buffer_, {});
    return CheckText(text, ec) && Scalar(text, ec);
  }
  bool on_number_part(json::string_view s, Ec&) { return Append(s); }
  bool on_int64(int64_t, json::string_view s, Ec& ec) { return Number(s, ec); }
  bool on_uint64(uint64_t, json::string_view s, Ec& ec) { return Number(s, ec); }
  bool on_double(double, json::string_view s, Ec& ec) { return Number(s, ec); }
  bool on_bool(bool value, Ec& ec) { return Scalar(value ? "true" : "false", ec); }
  bool on_null(Ec& ec) {
    if (open_.size() > 1 && IsAttributeOrText()) return Scalar("", ec);
    if (!CheckElement(ec)) return false;
    Node node;
    node.name = open_.back().key;
    open_.back().node.children.push_back(std::move(node));
    return true;
  }
  bool on_comment_part(json::string_view, Ec&) { return true; }
  bool on_comment(json::string_view, Ec&) { return true; }

 private:
  bool Append(json::string_view s) {
    buffer_.append(s.data(), s.size());
    return true;
  }

  bool Fail(absl::string_view what, Ec& ec,
            absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    status_ = absl::Status(code, what);
    ec = json::error::exception;  // any error stops the parser
    return false;
  }
  bool Exhausted(absl::string_view what, Ec& ec) {
    return Fail(what, ec, absl::StatusCode::kResourceExhausted);
  }

  bool IsAttributeOrText() const {
    const std::string& key = open_.back().key;
    return absl::StartsWith(key, "-") || key == kText;
  }

  bool CheckText(absl::string_view text, Ec& ec) {
    for (size_t pos = 0; pos < text.size();) {
      const Utf8Char character = DecodeUtf8(text, pos);
      if (!IsXmlChar(character.code)) {
        return Fail(absl::StrCat("TiXML can't hold the character U+",
                                 absl::Hex(static_cast<uint32_t>(character.code), absl::kZeroPad4)),
                    ec);
      }
      pos += character.length;
    }
    return true;
  }

  // Whether there may be one more element here.
  bool CheckElement(Ec& ec) {
    if (open_.size() == 1) {
      return Fail("a message is an object, or an array of objects", ec);
    }
    if (IsAttributeOrText()) {
      return Fail(
          absl::StrCat(Quoted(open_.back().key), " must be a string, a number or a boolean"), ec);
    }
    // Beside the elements the document and one object of it are open.
    if (static_cast<int>(open_.size()) - 1 > kMaxDepth) {
      return Exhausted(absl::StrCat("elements are nested deeper than ", kMaxDepth), ec);
    }
    if (++nodes_ > kMaxNodes) {
      return Exhausted(absl::StrCat("more than ", kMaxNodes, " elements"), ec);
    }
    return true;
  }

  bool Number(json::string_view last_part, Ec& ec) {
    Append(last_part);
    std::string text = std::exchange(buffer_, {});
    // Whole numbers of any size as they are: a double would round them.
    if (absl::StrContains(text, '.') || absl::StrContains(text, 'e') ||
        absl::StrContains(text, 'E')) {
      const std::optional<double> number = ParseNumber(text);
      text.clear();
      if (!number || !AppendNumber(*number, text)) return Fail("the number is too large", ec);
    }
    return Scalar(text, ec);
  }

  bool Scalar(absl::string_view value, Ec& ec) {
    if (open_.size() == 1 || !IsAttributeOrText()) {
      if (!CheckElement(ec)) return false;
      open_.back().node.children.push_back(ValueNode(open_.back().key, value));
      return true;
    }
    Object& object = open_.back();
    if (!object.element) {
      return Fail(absl::StrCat(Quoted(object.key), " belongs to an element, not to the message"),
                  ec);
    }
    if (object.key == kText) {
      object.node.text = std::string(Trim(value));
      return true;
    }
    if (object.key.size() == 1) return Fail("'-' needs the attribute's name behind it", ec);
    if (static_cast<int>(object.node.attributes.size()) == kMaxAttributes) {
      return Exhausted(absl::StrCat("more than ", kMaxAttributes, " attributes in one element"),
                       ec);
    }
    object.node.attributes.push_back({object.key.substr(1), std::string(value)});
    return true;
  }

  std::vector<Object> open_;  // the document first
  std::string buffer_;        // of a key, string or number that comes in parts
  int nodes_ = 0;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::vector<Node>> ParseJson(absl::string_view text) {
  json::parse_options options;
  // Each level of elements may be an object in an array.
  options.max_depth = 2 * kMaxDepth + 2;
  json::basic_parser<TreeBuilder> parser(options);
  Ec ec;
  const size_t end = parser.write_some(/*more=*/false, text.data(), text.size(), ec);
  const absl::Status& status = parser.handler().status();
  if (!status.ok()) return ErrorAt(status.code(), text, end, status.message());
  if (ec == json::error::too_deep) {
    return ErrorAt(absl::StatusCode::kResourceExhausted, text, end,
                   absl::StrCat("elements are nested deeper than ", kMaxDepth));
  }
  if (ec) {
    return ErrorAt(absl::StatusCode::kInvalidArgument, text, end,
                   absl::StrCat("not JSON: ", ec.message()));
  }
  if (!Trim(text.substr(end)).empty()) {
    return ErrorAt(absl::StatusCode::kInvalidArgument, text, end,
                   "expected the end after the JSON");
  }
  return parser.handler().TakeNodes();
}

}  // namespace fieldgate::tixml
