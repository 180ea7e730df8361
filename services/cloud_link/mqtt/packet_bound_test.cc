#include "services/cloud_link/mqtt/packet_bound.h"

#include <cerrno>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::HasSubstr;

std::string Length(size_t length) {
  std::string out;
  do {
    out.push_back(static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0)));
    length >>= 7;
  } while (length > 0);
  return out;
}

std::string Packet(uint8_t first, const std::string& body) {
  return absl::StrCat(std::string(1, static_cast<char>(first)), Length(body.size()), body);
}

constexpr uint8_t kPublish = 0x32;
constexpr uint8_t kSuback = 0x90;

// What a socket gives: at most `piece` bytes a read, and nothing each other time.
class Wire {
 public:
  explicit Wire(std::string bytes, size_t piece = 1 << 20)
      : bytes_(std::move(bytes)), piece_(piece) {}

  ssize_t Read(char* buffer, size_t size) {
    if (piece_ < 1000 && (ready_ = !ready_)) return -1;
    if (at_ == bytes_.size()) return 0;
    const size_t count = std::min({size, piece_, bytes_.size() - at_});
    bytes_.copy(buffer, count, at_);
    at_ += count;
    largest_ = std::max(largest_, size);
    return static_cast<ssize_t>(count);
  }

  size_t at() const { return at_; }
  size_t largest() const { return largest_; }

 private:
  const std::string bytes_;
  const size_t piece_;
  bool ready_ = false;
  size_t at_ = 0;
  size_t largest_ = 0;
};

// All that a reader sees until the end, or until a packet is refused.
std::string ReadAll(PacketBound& bound, Wire& wire, size_t at_a_time) {
  std::string out;
  std::string buffer(at_a_time, '\0');
  for (;;) {
    const ssize_t count = bound.Read([&](char* b, size_t n) { return wire.Read(b, n); },
                                     buffer.data(), buffer.size());
    if (count > 0) out.append(buffer, 0, static_cast<size_t>(count));
    if (count == 0 || (count < 0 && !bound.why().empty())) return out;
  }
}

std::string Through(const std::string& bytes, size_t piece = 1 << 20, size_t at_a_time = 4096) {
  PacketBound bound;
  Wire wire(bytes, piece);
  return ReadAll(bound, wire, at_a_time);
}

TEST(PacketBoundTest, PacketsWithinTheBoundPassAsTheyAre) {
  const std::string bytes = absl::StrCat(
      Packet(0x20, std::string(2, '\0')), Packet(0xd0, ""), Packet(kPublish, std::string(127, 'a')),
      Packet(kPublish, std::string(128, 'b')), Packet(kPublish, std::string(20'000, 'c')),
      Packet(kPublish, std::string(PacketBound::kMaxPacket, 'd')), Packet(0xd0, ""));
  EXPECT_EQ(Through(bytes), bytes);
  EXPECT_EQ(Through(bytes, /*piece=*/7, /*at_a_time=*/1), bytes);
}

TEST(PacketBoundTest, APublishOverTheBoundIsCutThereAndTheNextPacketFollows) {
  const std::string body(PacketBound::kMaxPacket + 1, 'x');
  const std::string next = Packet(0xd0, "");
  const std::string expected =
      Packet(kPublish, body.substr(0, PacketBound::kMaxPacket)) + next + next;
  EXPECT_EQ(Through(Packet(kPublish, body) + next + next), expected);
  EXPECT_EQ(Through(Packet(kPublish, body) + next + next, /*piece=*/999, /*at_a_time=*/1),
            expected);
}

TEST(PacketBoundTest, ManyLargeOnesInARowAreEachCut) {
  const std::string large = Packet(kPublish, std::string(3'000'000, 'x'));
  const std::string cut = Packet(kPublish, std::string(PacketBound::kMaxPacket, 'x'));
  EXPECT_EQ(Through(large + large + large), cut + cut + cut);
}

// The largest that MQTT has, of which there is never more than the bound here.
TEST(PacketBoundTest, TheLargestPublishCostsNoMoreThanTheBound) {
  constexpr size_t kLargest = 268'435'455;
  PacketBound bound;
  size_t at = 0;
  const std::string header = absl::StrCat("\x30", Length(kLargest));
  size_t largest = 0;
  size_t passed = 0;
  std::string buffer(4096, '\0');
  for (;;) {
    const ssize_t count = bound.Read(
        [&](char* out, size_t size) -> ssize_t {
          largest = std::max(largest, size);
          if (at < header.size()) {
            *out = header[at++];
            return 1;
          }
          const size_t left = header.size() + kLargest - at;
          at += std::min(size, left);
          return static_cast<ssize_t>(std::min(size, left));
        },
        buffer.data(), buffer.size());
    if (count <= 0) break;
    passed += static_cast<size_t>(count);
  }
  EXPECT_EQ(at, header.size() + kLargest);
  EXPECT_EQ(passed, Packet(0x30, std::string(PacketBound::kMaxPacket, 'x')).size());
  EXPECT_LE(largest, size_t{16} << 10);
}

TEST(PacketBoundTest, AnyOtherPacketOverTheBoundIsRefusedBeforeItsBodyIsRead) {
  PacketBound bound;
  Wire wire(Packet(kSuback, std::string(PacketBound::kMaxPacket + 1, '\1')));
  EXPECT_EQ(ReadAll(bound, wire, 4096), "");
  EXPECT_THAT(bound.why(), HasSubstr("type 9 with 1048577 bytes; at most 1048576"));
  EXPECT_LE(wire.at(), 5u);
  char byte;
  EXPECT_EQ(bound.Read([&](char* b, size_t n) { return wire.Read(b, n); }, &byte, 1), -1);
}

TEST(PacketBoundTest, ALengthOfMoreThanFourBytesIsRefused) {
  PacketBound bound;
  Wire wire("\x30\xff\xff\xff\xff\x7f and more");
  EXPECT_EQ(ReadAll(bound, wire, 4096), "");
  EXPECT_THAT(bound.why(), HasSubstr("a length of more than 4 bytes"));
}

// The same bytes, whatever the pieces in which they come and are asked for.
TEST(PacketBoundTest, PiecesMakeNoDifference) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::string bytes;
    for (int packet = 0; packet < 5; ++packet) {
      const size_t size =
          random() % 3 == 0 ? PacketBound::kMaxPacket - 10 + random() % 20 : random() % 300;
      bytes += Packet(static_cast<uint8_t>(0x30 | (random() & 0xf)), std::string(size, 'x'));
    }
    const std::string whole = Through(bytes);
    EXPECT_EQ(Through(bytes, 1 + random() % 998, 1 + random() % 5000), whole) << round;
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
