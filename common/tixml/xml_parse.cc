#include "common/tixml/xml_parse.h"

#include <memory>
#include <utility>
#include <xercesc/framework/MemBufInputSource.hpp>
#include <xercesc/sax/Locator.hpp>
#include <xercesc/sax/SAXParseException.hpp>
#include <xercesc/sax2/Attributes.hpp>
#include <xercesc/sax2/DefaultHandler.hpp>
#include <xercesc/sax2/SAX2XMLReader.hpp>
#include <xercesc/sax2/XMLReaderFactory.hpp>
#include <xercesc/util/OutOfMemoryException.hpp>
#include <xercesc/util/PlatformUtils.hpp>
#include <xercesc/util/XMLUni.hpp>

#include "absl/strings/str_cat.h"
#include "common/tixml/text_position.h"
#include "common/tixml/utf8.h"
#include "common/tixml/xml_name.h"

namespace fieldgate::tixml {
namespace {

namespace xerces = xercesc;

// TiXML has several top-level elements, XML one. On a line of its own the
// root leaves every column as it is and every line one too high.
constexpr absl::string_view kRootStart = "<_>\n";
constexpr absl::string_view kRootEnd = "\n</_>";

void AppendUtf16(const XMLCh* text, size_t size, std::string& out) {
  for (size_t i = 0; i < size; ++i) {
    char32_t code = text[i];
    if (code >= 0xD800 && code < 0xDC00 && i + 1 < size) {
      code = 0x10000 + ((code - 0xD800) << 10) + (text[++i] - 0xDC00u);
    }
    AppendUtf8(code, out);
  }
}

std::string ToUtf8(const XMLCh* text) {
  std::string out;
  if (text != nullptr) AppendUtf16(text, xerces::XMLString::stringLen(text), out);
  return out;
}

// Thrown out of a callback to stop the parser; the handler has the status.
struct Stop {};

class TreeBuilder : public xerces::DefaultHandler {
 public:
  explicit TreeBuilder(const std::vector<StartTag>& tags) : tags_(tags) { open_.emplace_back(); }

  std::vector<Node> TakeNodes() { return std::move(open_.front().children); }
  const absl::Status& status() const { return status_; }

  void setDocumentLocator(const xerces::Locator* locator) override { locator_ = locator; }

  void startElement(const XMLCh*, const XMLCh*, const XMLCh*,
                    const xerces::Attributes& attributes) override {
    if (!inside_root_) {
      inside_root_ = true;
      return;
    }
    EndText();
    if (elements_ == tags_.size()) FailHere("unexpected element");
    const StartTag& tag = tags_[elements_++];
    Node& node = open_.emplace_back();
    node.name = std::string(tag.name);
    node.line = tag.line;
    node.attributes.reserve(attributes.getLength());
    for (XMLSize_t i = 0; i < attributes.getLength(); ++i) {
      node.attributes.push_back(
          {AttributeName(attributes.getQName(i)), ToUtf8(attributes.getValue(i))});
    }
  }

  void endElement(const XMLCh*, const XMLCh*, const XMLCh*) override {
    EndText();
    if (open_.size() == 1) return;  // our own root
    Node node = std::move(open_.back());
    open_.pop_back();
    open_.back().children.push_back(std::move(node));
  }

  void characters(const XMLCh* text, XMLSize_t size) override { AppendUtf16(text, size, text_); }

  void error(const xerces::SAXParseException& e) override { Fail(e); }
  void fatalError(const xerces::SAXParseException& e) override { Fail(e); }

 private:
  [[noreturn]] void Fail(const xerces::SAXParseException& e) {
    Fail(e.getLineNumber(), e.getColumnNumber(), ToUtf8(e.getMessage()));
  }
  [[noreturn]] void Fail(XMLFileLoc line, XMLFileLoc column, absl::string_view what) {
    status_ = ErrorAt(absl::StatusCode::kInvalidArgument, static_cast<int>(line) - 1,
                      static_cast<int>(column), what);
    throw Stop();
  }
  [[noreturn]] void FailHere(absl::string_view what) {
    Fail(locator_->getLineNumber(), locator_->getColumnNumber(), what);
  }

  std::string AttributeName(const XMLCh* text) {
    std::string name = ToUtf8(text);
    if (!IsXmlName(name)) {
      FailHere(absl::StrCat("expected an attribute's name of letters, digits and _, got ",
                            Quoted(name)));
    }
    return name;
  }

  void EndText() {
    const absl::string_view trimmed = Trim(text_);
    if (!trimmed.empty() && open_.size() == 1) {
      FailHere(absl::StrCat("text outside an element: ", Quoted(trimmed)));
    }
    std::string& text = open_.back().text;
    if (!text.empty() && !trimmed.empty()) text.push_back(' ');
    absl::StrAppend(&text, trimmed);
    text_.clear();
  }

  const std::vector<StartTag>& tags_;
  const xerces::Locator* locator_ = nullptr;
  bool inside_root_ = false;
  size_t elements_ = 0;
  std::vector<Node> open_;  // our own root first
  std::string text_;        // since the last tag
  absl::Status status_;
};

void InitialiseXercesOnce() {
  // Never terminated: other threads may parse until the process ends.
  static const bool done = [] {
    xerces::XMLPlatformUtils::Initialize();
    return true;
  }();
  static_cast<void>(done);
}

absl::Status Run(absl::string_view document, TreeBuilder& builder) {
  const std::unique_ptr<xerces::SAX2XMLReader> reader(xerces::XMLReaderFactory::createXMLReader());
  // Knows neither DTD nor schema; Prescan refused both already.
  reader->setProperty(xerces::XMLUni::fgXercesScannerName,
                      const_cast<XMLCh*>(xerces::XMLUni::fgWFXMLScanner));
  reader->setFeature(xerces::XMLUni::fgSAX2CoreValidation, false);
  reader->setFeature(xerces::XMLUni::fgSAX2CoreNameSpaces, false);
  reader->setFeature(xerces::XMLUni::fgXercesLoadExternalDTD, false);
  reader->setFeature(xerces::XMLUni::fgXercesDisableDefaultEntityResolution, true);
  reader->setContentHandler(&builder);
  reader->setErrorHandler(&builder);
  xerces::MemBufInputSource source(reinterpret_cast<const XMLByte*>(document.data()),
                                   document.size(), "message");
  source.setEncoding(xerces::XMLUni::fgUTF8EncodingString);
  source.setCopyBufToStream(false);
  try {
    reader->parse(source);
  } catch (const Stop&) {
    return builder.status();
  } catch (const xerces::OutOfMemoryException&) {
    return absl::ResourceExhaustedError("out of memory in the XML parser");
  } catch (const xerces::XMLException& e) {
    return absl::InvalidArgumentError(ToUtf8(e.getMessage()));
  } catch (const xerces::SAXException& e) {
    return absl::InvalidArgumentError(ToUtf8(e.getMessage()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Node>> ParseXml(const Prescanned& prescanned) {
  InitialiseXercesOnce();
  TreeBuilder builder(prescanned.start_tags);
  const std::string document = absl::StrCat(kRootStart, prescanned.text, kRootEnd);
  if (absl::Status status = Run(document, builder); !status.ok()) return status;
  return builder.TakeNodes();
}

}  // namespace fieldgate::tixml
