// A connection that breaks in the write of a message, as each broker that dies
// may cause it: Paho then has the message twice, with its command and with its
// session, and must free it once.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/mqtt/recorder.h"

namespace fieldgate::cloud_link {
namespace {

// The first is enough when it is not mended; each takes Paho a second.
constexpr int kConnections = 4;

// A peer that accepts each connection and answers CONNECT, and resets it when
// the first message has come.
class Peer {
 public:
  Peer() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Peer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::string url() const { return absl::StrCat("tcp://127.0.0.1:", port_); }

 private:
  void Serve() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      char bytes[4096];
      const std::string connack("\x20\x02\x00\x00", 4);
      if (read(fd, bytes, sizeof bytes) > 0 &&
          write(fd, connack.data(), connack.size()) == static_cast<ssize_t>(connack.size())) {
        [[maybe_unused]] const ssize_t message = read(fd, bytes, sizeof bytes);
      }
      const linger reset{.l_onoff = 1, .l_linger = 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      close(fd);
    }
  }

  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

TEST(BrokenWriteTest, AMessageInWhoseWriteTheConnectionBreaksIsFreedOnce) {
  Peer peer;
  Recorder recorder;
  const std::unique_ptr<MqttClient> client = MakePahoMqttClient(recorder);
  MqttOptions options;
  options.url = peer.url();
  options.client_id = "broken";
  MqttToken token = 0;
  for (int i = 0; i < kConnections; ++i) {
    recorder.Forget();
    ASSERT_TRUE(client->Connect(options).ok());
    ASSERT_TRUE(recorder.Await("connected"));
    // Until it is lost; what is refused, for whatever reason, is no matter.
    ASSERT_TRUE(Eventually(kLong, [&] {
      for (int burst = 0; burst < 200; ++burst) {
        client->Publish(++token, "t", std::string(200, 'x'), Qos::kAtLeastOnce).IgnoreError();
      }
      const std::vector<std::string> events = recorder.events();
      return std::find(events.begin(), events.end(), "disconnected") != events.end();
    }));
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
