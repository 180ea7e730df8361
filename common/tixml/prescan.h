#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::tixml {

struct StartTag {
  absl::string_view name;  // in the text that was scanned
  int line = 0;            // from 1
};

// TiXML made fit for an XML parser: every character is at its old place.
struct Prescanned {
  // The elements alone: braces, frames, XML declaration and the inside of
  // comments are spaces. Each character of an element's name is '_': an XML
  // parser keeps all names in a table, whose hash is known, so that a few
  // thousand names that collide would cost seconds.
  std::string text;
  // In order; they have the names.
  std::vector<StartTag> start_tags;
  bool braces = false;
  bool frame = false;        // a [ ] at the top level
  bool declaration = false;  // <?xml ...?>
};

// One pass over `text`, which is UTF-8 and at most kMaxBytes: strips what is
// TiXML's own, checks the elements' names and that they are closed, and
// refuses what would cost an XML parser too much time. It agrees with any XML
// parser on where markup is up to the first place that is not well-formed, so
// it leaves most of those to the parser.
//
// kInvalidArgument:   a DTD, a misplaced declaration or one of an encoding
//                     other than UTF-8, a name that is none, a wrong end tag,
//                     something that is not closed.
// kResourceExhausted: over kMaxNodes, kMaxDepth or kMaxAttributes.
absl::StatusOr<Prescanned> Prescan(absl::string_view text);

}  // namespace fieldgate::tixml
