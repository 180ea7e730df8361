#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What common/testing asks of the kernel's network.
namespace fieldgate::netlink {

// kInternal: "what: Operation not permitted".
absl::Status Refused(absl::string_view what, int error);

// One request, under construction.
class Message {
 public:
  // NLM_F_REQUEST and NLM_F_ACK are added.
  Message(uint16_t type, uint16_t flags);

  // The header of the request's kind.
  template <typename Struct>
  void Append(const Struct& value) {
    static_assert(sizeof value % NLMSG_ALIGNTO == 0);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void Attribute(uint16_t type, const void* data, size_t size);
  void Text(uint16_t type, const std::string& text);
  void Number(uint16_t type, uint32_t number);
  void BigEndian(uint16_t type, uint32_t number);

  // Attributes between Begin and End are inside that one.
  size_t Begin(uint16_t type);
  void End(size_t at);

  // With its length.
  std::string Finished() const;

 private:
  std::string bytes_;
};

// Asks and waits for the answer, in the network of this thread.
absl::Status Send(const Message& message, absl::string_view what);
// Those of a batch take effect together or not at all; of NFNETLINK.
absl::Status SendBatch(const std::vector<Message>& messages, absl::string_view what);

}  // namespace fieldgate::netlink
