// When Paho acknowledges a message of the broker: what the durable acceptance
// of requests rests on.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "gtest/gtest.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"

namespace fieldgate::cloud_link {
namespace {

constexpr int kPatienceMs = 30'000;
// How long the broker's side waits for a PUBACK that must not come. Paho would
// send it within microseconds.
constexpr int kQuietMs = 300;

// A peer that takes one connection, answers CONNECT, and publishes "t" with
// QoS 1 and packet id 7.
class Peer {
 public:
  Peer() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Peer() {
    close(connection_);
    close(listener_);
  }

  std::string url() const { return absl::StrCat("tcp://127.0.0.1:", port_); }

  // Up to the PUBLISH.
  void Serve() {
    ASSERT_TRUE(Readable(listener_, kPatienceMs));
    connection_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_TRUE(Readable(connection_, kPatienceMs));
    char connect[256];
    ASSERT_GT(read(connection_, connect, sizeof connect), 0);
    const std::string connack("\x20\x02\x00\x00", 4);
    const std::string publish("\x32\x07\x00\x01t\x00\x07hi", 9);
    ASSERT_EQ(write(connection_, connack.data(), connack.size()), 4);
    ASSERT_EQ(write(connection_, publish.data(), publish.size()), 9);
  }

  bool AnythingWithin(int ms) const { return Readable(connection_, ms); }
  std::string ReadPacket() const {
    char packet[4];
    const ssize_t size = read(connection_, packet, sizeof packet);
    return size < 0 ? "" : std::string(packet, static_cast<size_t>(size));
  }

 private:
  static bool Readable(int fd, int ms) {
    pollfd poll_fd{fd, POLLIN, 0};
    return poll(&poll_fd, 1, ms) == 1;
  }

  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connection_ = -1;
};

class Listener : public MqttListener {
 public:
  explicit Listener(const Peer& peer) : peer_(peer) {}
  void OnConnected(bool) override {}
  void OnDisconnected(const absl::Status&) override {}
  void OnSubscribed(MqttToken, const absl::Status&) override {}
  void OnPublished(MqttToken, const absl::Status&) override {}
  void OnMessage(MqttMessage) override {
    acknowledged_before_return = peer_.AnythingWithin(kQuietMs);
    returned = true;
  }

  std::atomic<bool> acknowledged_before_return = false;
  std::atomic<bool> returned = false;

 private:
  const Peer& peer_;
};

TEST(PubackTest, AMessageIsAcknowledgedOnlyAfterTheListenerHasReturned) {
  Peer peer;
  Listener listener(peer);
  const std::unique_ptr<MqttClient> client = MakePahoMqttClient(listener);
  MqttOptions options;
  options.url = peer.url();
  options.client_id = "puback";
  ASSERT_TRUE(client->Connect(options).ok());
  peer.Serve();
  ASSERT_TRUE(
      Eventually(absl::Milliseconds(kPatienceMs), [&] { return listener.returned.load(); }));
  EXPECT_FALSE(listener.acknowledged_before_return);
  ASSERT_TRUE(peer.AnythingWithin(kPatienceMs));
  EXPECT_EQ(peer.ReadPacket(), std::string("\x40\x02\x00\x07", 4));
}

}  // namespace
}  // namespace fieldgate::cloud_link
