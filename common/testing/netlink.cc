#include "common/testing/netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace fieldgate::netlink {
namespace {

// Sends `bytes` and waits for `answers` acknowledgements, or an error.
absl::Status Exchange(int protocol, const std::string& bytes, size_t answers,
                      absl::string_view what) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return Refused(what, errno);
  absl::Status status;
  if (send(fd, bytes.data(), bytes.size(), 0) < 0) status = Refused(what, errno);
  while (status.ok() && answers > 0) {
    alignas(nlmsghdr) char answer[8192];
    const ssize_t size = recv(fd, answer, sizeof answer, 0);
    if (size < static_cast<ssize_t>(NLMSG_HDRLEN)) {
      status = Refused(what, errno);
      break;
    }
    auto left = static_cast<unsigned>(size);
    for (auto* header = reinterpret_cast<const nlmsghdr*>(answer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      const int refused = -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
      if (refused != 0) status.Update(Refused(what, refused));
      if (answers > 0) --answers;
    }
  }
  close(fd);
  return status;
}

std::string BatchMark(uint16_t type) {
  Message message(type, 0);
  message.Append(nfgenmsg{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)});
  std::string bytes = message.Finished();
  reinterpret_cast<nlmsghdr*>(bytes.data())->nlmsg_flags = NLM_F_REQUEST;
  return bytes;
}

}  // namespace

absl::Status Refused(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(error)));
}

Message::Message(uint16_t type, uint16_t flags) {
  Append(nlmsghdr{0, type, static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), 1, 0});
}

void Message::Attribute(uint16_t type, const void* data, size_t size) {
  const size_t at = Begin(type);
  bytes_.append(static_cast<const char*>(data), size);
  End(at);
}

void Message::Text(uint16_t type, const std::string& text) {
  Attribute(type, text.c_str(), text.size() + 1);
}

void Message::Number(uint16_t type, uint32_t number) { Attribute(type, &number, sizeof number); }

void Message::BigEndian(uint16_t type, uint32_t number) { Number(type, htonl(number)); }

size_t Message::Begin(uint16_t type) {
  const size_t at = bytes_.size();
  Append(rtattr{0, type});
  return at;
}

void Message::End(size_t at) {
  const rtattr header = {static_cast<uint16_t>(bytes_.size() - at),
                         reinterpret_cast<rtattr*>(bytes_.data() + at)->rta_type};
  std::memcpy(bytes_.data() + at, &header, sizeof header);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

std::string Message::Finished() const {
  std::string bytes = bytes_;
  const auto length = static_cast<uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

absl::Status Send(const Message& message, absl::string_view what) {
  return Exchange(NETLINK_ROUTE, message.Finished(), 1, what);
}

absl::Status SendBatch(const std::vector<Message>& messages, absl::string_view what) {
  std::string bytes = BatchMark(NFNL_MSG_BATCH_BEGIN);
  for (const Message& message : messages) bytes += message.Finished();
  bytes += BatchMark(NFNL_MSG_BATCH_END);
  return Exchange(NETLINK_NETFILTER, bytes, messages.size(), what);
}

}  // namespace fieldgate::netlink
