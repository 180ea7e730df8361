#include "common/tixml/prescan.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/limits.h"
#include "common/tixml/text_position.h"
#include "common/tixml/xml_name.h"

namespace fieldgate::tixml {
namespace {

constexpr absl::string_view kSpace = " \t\r\n";
constexpr size_t kEnd = absl::string_view::npos;

bool IsSpace(char c) { return absl::StrContains(kSpace, c); }

// The value of encoding="..." in an XML declaration; empty if there is none.
absl::string_view EncodingOf(absl::string_view declaration) {
  const size_t at = declaration.find("encoding");
  if (at == kEnd) return {};
  const size_t open = declaration.find_first_of("\"'", at);
  if (open == kEnd) return {};
  const size_t close = declaration.find(declaration[open], open + 1);
  return close == kEnd ? absl::string_view() : declaration.substr(open + 1, close - open - 1);
}

bool IsUtf8Subset(absl::string_view encoding) {
  return encoding.empty() || absl::EqualsIgnoreCase(encoding, "utf-8") ||
         absl::EqualsIgnoreCase(encoding, "utf8") || absl::EqualsIgnoreCase(encoding, "us-ascii") ||
         absl::EqualsIgnoreCase(encoding, "ascii");
}

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) { out_.text = std::string(text); }

  absl::StatusOr<Prescanned> Run() {
    absl::Status status = StripBraces();
    while (status.ok() && pos_ < end_) {
      status = text_[pos_] == '<' ? Markup() : Text();
    }
    if (!status.ok()) return status;
    if (!open_.empty()) {
      const StartTag& tag = out_.start_tags[open_.back()];
      return Invalid(end_, absl::StrCat("expected </", Shortened(tag.name),
                                        "> for the element of line ", tag.line));
    }
    TextEndsAt(Tag::kNone);
    return std::move(out_);
  }

 private:
  enum class Tag { kNone, kStart, kEnd, kEmpty };

  struct Frame {
    size_t offset;
    size_t depth;
  };

  absl::Status Invalid(size_t offset, absl::string_view what) const {
    return ErrorAt(absl::StatusCode::kInvalidArgument, text_, offset, what);
  }
  absl::Status Exhausted(absl::string_view what) const {
    return ErrorAt(absl::StatusCode::kResourceExhausted, text_, pos_, what);
  }

  // Line ends stay, so that lines keep their numbers.
  void Blank(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (out_.text[i] != '\n' && out_.text[i] != '\r') out_.text[i] = ' ';
    }
  }

  absl::Status StripBraces() {
    const size_t first = text_.find_first_not_of(kSpace);
    if (first == kEnd || text_[first] != '{') return absl::OkStatus();
    const size_t last = text_.find_last_not_of(kSpace);
    if (text_[last] != '}') return Invalid(text_.size(), "expected the closing }");
    out_.braces = true;
    Blank(first, first + 1);
    Blank(last, last + 1);
    pos_ = first + 1;
    end_ = last;
    return absl::OkStatus();
  }

  absl::Status Text() {
    const size_t next = std::min(text_.find('<', pos_), end_);
    for (; pos_ < next; ++pos_) {
      const char c = text_[pos_];
      if (c == '[' || c == ']') {
        brackets_.push_back(pos_);
      } else if (!IsSpace(c)) {
        words_ = true;
      }
    }
    return absl::OkStatus();
  }

  // A run of text ends before `next`: brackets in it that are beside an
  // element, with nothing but space, are command frames. "<a>[]</a>" is text.
  void TextEndsAt(Tag next) {
    const bool leaf = previous_ == Tag::kStart && next == Tag::kEnd;
    if (!words_ && !leaf) {
      for (const size_t offset : brackets_) Bracket(offset);
    }
    brackets_.clear();
    words_ = false;
    previous_ = next;
  }

  // Only pairs at the same depth are frames; a lone bracket stays text.
  void Bracket(size_t offset) {
    if (text_[offset] == '[') {
      frames_.push_back({offset, open_.size()});
    } else if (!frames_.empty() && frames_.back().depth == open_.size()) {
      Blank(frames_.back().offset, frames_.back().offset + 1);
      Blank(offset, offset + 1);
      if (open_.empty()) out_.frame = true;
      frames_.pop_back();
    }
  }

  bool At(absl::string_view markup) const {
    return absl::StartsWith(text_.substr(pos_, end_ - pos_), markup);
  }

  // Skips to behind `close`, which begins at `from` or later.
  absl::Status Skip(size_t from, absl::string_view close, absl::string_view what) {
    const size_t at = text_.find(close, from);
    if (at == kEnd || at + close.size() > end_) {
      return Invalid(pos_, absl::StrCat(what, " is not closed: expected ", close));
    }
    pos_ = at + close.size();
    return absl::OkStatus();
  }

  absl::Status Markup() {
    const size_t begin = pos_;
    if (At("<!--")) {
      // The dashes of "<!---- x ---->" are not allowed inside a comment.
      absl::Status status = Skip(begin + 4, "-->", "a comment");
      if (status.ok()) Blank(begin + 4, pos_ - 3);
      return status;
    }
    if (At("<![CDATA[")) {
      words_ = true;
      return Skip(begin, "]]>", "a CDATA section");
    }
    if (At("<!")) return Invalid(begin, "a DTD is not allowed; leave it out");
    if (At("<?")) {
      const bool declaration =
          At("<?xml") && begin + 5 < end_ && (IsSpace(text_[begin + 5]) || text_[begin + 5] == '?');
      absl::Status status = Skip(begin, "?>", "a processing instruction");
      return status.ok() && declaration ? Declaration(begin) : status;
    }
    return At("</") ? EndTag() : Start();
  }

  absl::Status Declaration(size_t begin) {
    if (previous_ != Tag::kNone || words_ || out_.declaration) {
      return Invalid(begin, "the XML declaration must come first");
    }
    const absl::string_view encoding = EncodingOf(text_.substr(begin, pos_ - begin));
    if (!IsUtf8Subset(encoding)) {
      return Invalid(begin, absl::StrCat("encoding ", Quoted(encoding),
                                         " is not supported; send UTF-8 or US-ASCII"));
    }
    out_.declaration = true;
    Blank(begin, pos_);
    return absl::OkStatus();
  }

  // Reads a name at `begin`, checks it and hides it from the XML parser.
  absl::StatusOr<absl::string_view> Name(size_t begin) {
    const size_t end = std::min(text_.find_first_of(" \t\r\n/><", begin), end_);
    const absl::string_view name = text_.substr(begin, end - begin);
    if (!IsXmlName(name)) {
      return Invalid(
          begin,
          absl::StrCat("expected an element's name of letters, digits and _, got ", Quoted(name)));
    }
    std::fill(out_.text.begin() + static_cast<std::ptrdiff_t>(begin),
              out_.text.begin() + static_cast<std::ptrdiff_t>(end), '_');
    return name;
  }

  absl::Status EndTag() {
    TextEndsAt(Tag::kEnd);
    const size_t begin = pos_;
    const absl::StatusOr<absl::string_view> name = Name(begin + 2);
    if (!name.ok()) return name.status();
    const StartTag* tag = open_.empty() ? nullptr : &out_.start_tags[open_.back()];
    if (tag == nullptr) {
      return Invalid(begin, absl::StrCat("no element is open for the end tag ", Quoted(*name)));
    }
    if (tag->name != *name) {
      return Invalid(begin, absl::StrCat("expected </", Shortened(tag->name),
                                         "> for the element of line ", tag->line));
    }
    open_.pop_back();
    while (!frames_.empty() && frames_.back().depth > open_.size()) frames_.pop_back();
    return Skip(begin, ">", "an end tag");
  }

  absl::Status BeginElement() {
    if (static_cast<int>(out_.start_tags.size()) == kMaxNodes) {
      return Exhausted(absl::StrCat("more than ", kMaxNodes, " elements"));
    }
    if (static_cast<int>(open_.size()) == kMaxDepth) {
      return Exhausted(absl::StrCat("elements are nested deeper than ", kMaxDepth));
    }
    const absl::StatusOr<absl::string_view> name = Name(pos_ + 1);
    if (!name.ok()) return name.status();
    CountLinesTo(pos_);
    out_.start_tags.push_back({*name, line_});
    return absl::OkStatus();
  }

  absl::Status Start() {
    if (absl::Status status = BeginElement(); !status.ok()) return status;
    const size_t begin = pos_;
    int attributes = 0;
    char quote = 0;
    for (size_t i = begin + 1; i < end_; ++i) {
      const char c = text_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '=' && ++attributes > kMaxAttributes) {
        return Exhausted(absl::StrCat("more than ", kMaxAttributes, " attributes in one element"));
      } else if (c == '>') {
        const bool empty = text_[i - 1] == '/';
        TextEndsAt(empty ? Tag::kEmpty : Tag::kStart);
        if (!empty) open_.push_back(out_.start_tags.size() - 1);
        pos_ = i + 1;
        return absl::OkStatus();
      }
    }
    return Invalid(begin, quote != 0 ? "an attribute's value is not closed: expected a quote"
                                     : "a tag is not closed: expected >");
  }

  void CountLinesTo(size_t offset) {
    for (; counted_ < offset; ++counted_) {
      const char c = text_[counted_];
      if (c == '\n' || (c == '\r' && text_[counted_ + 1] != '\n')) ++line_;
    }
  }

  const absl::string_view text_;
  size_t pos_ = 0;
  size_t end_ = text_.size();
  Prescanned out_;
  std::vector<size_t> open_;  // elements, in start_tags
  Tag previous_ = Tag::kNone;
  // Of the current run of text:
  bool words_ = false;
  std::vector<size_t> brackets_;
  // Opened and not yet closed.
  std::vector<Frame> frames_;
  size_t counted_ = 0;
  int line_ = 1;
};

}  // namespace

absl::StatusOr<Prescanned> Prescan(absl::string_view text) { return Scanner(text).Run(); }

}  // namespace fieldgate::tixml
