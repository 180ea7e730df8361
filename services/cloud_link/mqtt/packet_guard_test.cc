#include "services/cloud_link/mqtt/packet_guard.h"

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
const char* const kHead = "\x20\x02\0\0";  // a CONNACK
std::string Connack() { return std::string(kHead, 4); }

// The body of a PUBLISH of so many bytes.
std::string Body(size_t size) { return std::string("\0\1t\0\7", 5) + std::string(size - 5, 'x'); }

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
std::string ReadAll(PacketGuard& guard, Wire& wire, size_t at_a_time) {
  std::string out;
  std::string buffer(at_a_time, '\0');
  for (;;) {
    const ssize_t count = guard.Read([&](char* b, size_t n) { return wire.Read(b, n); },
                                     buffer.data(), buffer.size());
    if (count > 0) out.append(buffer, 0, static_cast<size_t>(count));
    if (count == 0 || (count < 0 && !guard.why().empty())) return out;
  }
}

std::string Through(const std::string& bytes, size_t piece = 1 << 20, size_t at_a_time = 4096) {
  PacketGuard guard;
  Wire wire(bytes, piece);
  return ReadAll(guard, wire, at_a_time);
}

TEST(PacketGuardTest, PacketsWithinTheBoundPassAsTheyAre) {
  const std::string bytes = absl::StrCat(
      Connack(), Packet(0xd0, ""), Packet(0x40, "id"), Packet(0x62, "id"), Packet(0xb0, "id"),
      Packet(kSuback, "id\1"), Packet(0x30, std::string("\0\0", 2)), Packet(kPublish, Body(5)),
      Packet(kPublish, Body(127)), Packet(kPublish, Body(128)), Packet(0x3d, Body(20'000)),
      Packet(kPublish, Body(PacketGuard::kMaxPacket)), Packet(0xd0, ""));
  EXPECT_EQ(Through(bytes), bytes);
  EXPECT_EQ(Through(bytes, /*piece=*/7, /*at_a_time=*/1), bytes);
}

TEST(PacketGuardTest, APublishOverTheBoundIsCutThereAndTheNextPacketFollows) {
  const std::string body = Body(PacketGuard::kMaxPacket + 1);
  const std::string next = Packet(0xd0, "");
  const std::string bytes = Connack() + Packet(kPublish, body) + next + next;
  const std::string expected =
      Connack() + Packet(kPublish, body.substr(0, PacketGuard::kMaxPacket)) + next + next;
  EXPECT_EQ(Through(bytes), expected);
  EXPECT_EQ(Through(bytes, /*piece=*/999, /*at_a_time=*/1), expected);
}

TEST(PacketGuardTest, ManyLargeOnesInARowAreEachCut) {
  const std::string large = Packet(kPublish, Body(3'000'000));
  const std::string cut = Packet(kPublish, Body(PacketGuard::kMaxPacket));
  EXPECT_EQ(Through(Connack() + large + large + large), Connack() + cut + cut + cut);
}

// The largest that MQTT has, of which there is never more than the bound here.
TEST(PacketGuardTest, TheLargestPublishCostsNoMoreThanTheBound) {
  constexpr size_t kLargest = 268'435'455;
  PacketGuard guard;
  const std::string head =
      absl::StrCat(Connack(), "\x30", Length(kLargest), std::string("\0\1t", 3));
  const size_t total = head.size() + kLargest - 3;
  size_t at = 0;
  size_t largest = 0;
  size_t passed = 0;
  std::string buffer(4096, '\0');
  for (;;) {
    const ssize_t count = guard.Read(
        [&](char* out, size_t size) -> ssize_t {
          largest = std::max(largest, size);
          const size_t taken = at < head.size() ? 1 : std::min(size, total - at);
          if (at < head.size()) *out = head[at];
          at += taken;
          return static_cast<ssize_t>(taken);
        },
        buffer.data(), buffer.size());
    if (count <= 0) break;
    passed += static_cast<size_t>(count);
  }
  EXPECT_EQ(guard.why(), "");
  EXPECT_EQ(at, total);
  EXPECT_EQ(passed, 4 + 1 + Length(PacketGuard::kMaxPacket).size() + PacketGuard::kMaxPacket);
  EXPECT_LE(largest, size_t{16} << 10);
}

TEST(PacketGuardTest, AReadThatCanBeWholeIsWhole) {
  PacketGuard guard;
  Wire wire(Connack() + Packet(kPublish, Body(1000)));
  const auto read = [&](size_t size) {
    std::string buffer(size, '\0');
    return guard.Read([&](char* b, size_t n) { return wire.Read(b, n); }, buffer.data(), size);
  };
  EXPECT_EQ(read(1), 1);
  EXPECT_EQ(read(1), 1);
  EXPECT_EQ(read(2), 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(read(1), 1);  // the type, and two bytes of length
  EXPECT_EQ(read(1000), 1000);
}

// What is read of `bytes` behind a CONNACK before it is refused, and why.
std::string WhyRefused(const std::string& bytes, size_t* read = nullptr) {
  PacketGuard guard;
  Wire wire(Connack() + bytes);
  EXPECT_EQ(ReadAll(guard, wire, 4096), Connack()) << "a reader saw some of it";
  if (read != nullptr) *read = wire.at() - 4;
  char byte;
  EXPECT_EQ(guard.Read([&](char* b, size_t n) { return wire.Read(b, n); }, &byte, 1),
            guard.why().empty() ? 0 : -1);
  return guard.why();
}

TEST(PacketGuardTest, AnyOtherPacketOverTheBoundIsRefusedBeforeItsBodyIsRead) {
  size_t read = 0;
  EXPECT_THAT(WhyRefused(Packet(kSuback, std::string(PacketGuard::kMaxPacket + 1, '\1')), &read),
              HasSubstr("type 9 with 1048577 bytes; at most 1048576"));
  EXPECT_LE(read, 5u);
}

TEST(PacketGuardTest, ALengthOfMoreThanFourBytesIsRefused) {
  EXPECT_THAT(WhyRefused("\x30\xff\xff\xff\xff\x7f and more"),
              HasSubstr("a length of more than 4 bytes"));
}

TEST(PacketGuardTest, TypesAndFlagsThatNoBrokerMaySendAreRefused) {
  const std::string allowed = std::string("\x30\x31\x32\x33\x34\x35\x38\x39\x3a\x3b\x3c\x3d", 12) +
                              "\x40\x50\x62\x70\x90\xb0\xd0";
  for (int first = 0; first < 256; ++first) {
    const char byte = static_cast<char>(first);
    if (allowed.find(byte) != std::string::npos) continue;
    EXPECT_THAT(
        WhyRefused(std::string(1, byte) + "\2id"),
        HasSubstr(first == 0x20 ? "a second CONNACK" : absl::StrCat("it begins with ", first)));
  }
}

TEST(PacketGuardTest, LengthsThatAPacketCannotHaveAreRefused) {
  for (const uint8_t first : std::string("\x40\x50\x62\x70\xb0")) {
    for (const char* body : {"", "i", "id?", "four"}) {
      EXPECT_THAT(WhyRefused(Packet(first, body)), HasSubstr(" bytes")) << int{first} << body;
    }
  }
  EXPECT_THAT(WhyRefused(Packet(kSuback, "id")), HasSubstr("type 9 with 2 bytes"));
  EXPECT_THAT(WhyRefused(Packet(0xd0, "x")), HasSubstr("type 13 with 1 bytes"));
  EXPECT_THAT(WhyRefused(Packet(0x30, "")), HasSubstr("type 3 with 0 bytes"));
  EXPECT_THAT(WhyRefused(Packet(0x30, "t")), HasSubstr("type 3 with 1 bytes"));
}

TEST(PacketGuardTest, ATopicThatIsLongerThanItsPacketIsRefused) {
  EXPECT_THAT(WhyRefused(Packet(0x30, std::string("\0\2t", 3))),
              HasSubstr("a topic of 2 bytes in a PUBLISH of 3"));
  EXPECT_THAT(WhyRefused(Packet(0x30, std::string("\xff\xfft", 3))), HasSubstr("65535"));
  // With QoS 1 and 2 there is a packet id behind it.
  EXPECT_THAT(WhyRefused(Packet(0x32, std::string("\0\1t\0", 4))), HasSubstr("of 1 bytes"));
  EXPECT_THAT(WhyRefused(Packet(0x34, std::string("\0\1t", 3))), HasSubstr("of 1 bytes"));
}

TEST(PacketGuardTest, TheFirstPacketIsTheConnack) {
  for (const std::string& bytes :
       {Packet(0xd0, ""), Packet(kPublish, Body(10)), std::string("HTTP/1.1 400 Bad Request"),
        std::string("\x16\x03\x01 TLS"), Packet(0x20, "much")}) {
    PacketGuard guard;
    Wire wire(bytes);
    EXPECT_EQ(ReadAll(guard, wire, 4096), "");
    EXPECT_THAT(guard.why(), HasSubstr("no packet of MQTT")) << bytes;
  }
}

// The same bytes, whatever the pieces in which they come and are asked for.
TEST(PacketGuardTest, PiecesMakeNoDifference) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::string bytes = Connack();
    for (int packet = 0; packet < 5; ++packet) {
      const size_t size =
          random() % 3 == 0 ? PacketGuard::kMaxPacket - 10 + random() % 20 : 5 + random() % 300;
      const auto flags = static_cast<uint8_t>(random() % 2 | random() % 3 << 1);
      bytes += Packet(static_cast<uint8_t>(0x30 | flags), Body(size));
    }
    const std::string whole = Through(bytes);
    EXPECT_EQ(Through(bytes, 1 + random() % 998, 1 + random() % 5000), whole) << round;
  }
}

// Whatever comes: nothing but whole packets of MQTT is passed on.
TEST(PacketGuardTest, NoiseIsRefusedOrPassedOnAsPackets) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string noise = Connack();
    for (size_t i = random() % 40; i > 0; --i) noise.push_back(static_cast<char>(random()));
    PacketGuard guard;
    Wire wire(noise);
    const std::string out = ReadAll(guard, wire, 100);
    if (guard.why().empty()) continue;
    // Before what is refused there are whole packets, each of less than 128 bytes.
    size_t at = 0;
    while (at < out.size()) at += 2 + static_cast<uint8_t>(out[at + 1]);
    ASSERT_EQ(at, out.size());
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
