// Brokers that do what no broker should, and then a good one: README.md has the
// table of what is required. Each test plays several at once.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "tests/fault/hostile_scene.h"
#include "tests/simulators/portal/messages.h"

namespace fieldgate::fault_test {
namespace {

using Session = ScriptedBroker::Session;

// A dead link is seen within 15 s; the rest is what it takes to end it.
constexpr absl::Duration kSeenWithin = absl::Seconds(18);
constexpr size_t kHundredMegabytes = 100 << 20;
// Of the connectors to hostile brokers; each takes the topics that it subscribed.
constexpr char kTopicPrefix[] = "customer-1/fp/";

// What to do with data; the rest is answered well.
std::function<bool(Session&, const Packet&)> OnData(
    std::function<bool(Session&, const Packet&)> act) {
  return [act = std::move(act)](Session& s, const Packet& p) { return p.IsData() && act(s, p); };
}
std::function<bool(Session&, const Packet&)> On(PacketType type,
                                                std::function<void(Session&, const Packet&)> act) {
  return [type, act = std::move(act)](Session& s, const Packet& p) {
    if (p.type() == type) act(s, p);
    return p.type() == type;
  };
}

// The next of `packets` with each data message, which is acknowledged well.
std::function<bool(Session&, const Packet&)> Among(std::vector<std::string> packets) {
  return OnData([packets = std::move(packets), next = std::make_shared<std::atomic<size_t>>(0)](
                    Session& s, const Packet& p) {
    s.AnswerWell(p);
    s.Send(packets[(*next)++ % packets.size()]);
    return true;
  });
}

std::function<bool(const ScriptedBroker&)> AfterPublishes(int count) {
  return [count](const ScriptedBroker& broker) { return broker.received(kPublish) >= count; };
}

// The gateway's topic `name`, taken from its data.
std::string TopicBeside(const Packet& data, absl::string_view name) {
  const std::string topic = data.topic();
  return absl::StrCat(topic.substr(0, topic.rfind('/') + 1), name);
}

std::string SetLevel(const std::string& request_id) {
  return portal::WriteCommand(
      tixml::Format::kTiXml,
      {.kind = portal::CommandKind::kCmd,
       .request_id = request_id,
       .serial_number = system_test::kSerialNumber,
       .commands = tixml::Parse("<Set _=\"/Process/PV/Level\" value=\"99\"/>")->nodes});
}

TEST(HostileBrokerTest, OneThatFallsSilentIsSeenWithin15SecondsWhereverItHappens) {
  const auto ignore = [](Session&, const Packet&) { return true; };
  PlayHostileBrokers({
      {.name = "never acknowledges",
       .script = {.on_packet = OnData(ignore)},
       .reason = "the broker acknowledged nothing for 15s",
       .seen_within = kSeenWithin},
      {.name = "never confirms a subscription",
       .script = {.on_packet = On(kSubscribe, [](Session&, const Packet&) {})},
       .reason = "did not confirm a subscription within 2.0 s",
       .seen_within = kSeenWithin},
      {.name = "stops in the middle of a packet",
       .script = {.on_packet = OnData([](Session& s, const Packet&) {
                    // Of 100,000 bytes, which never come.
                    s.Send(absl::string_view("\x32\xa0\x8d\x06\x00\x05part", 10));
                    return true;
                  })},
       .reason = "the broker acknowledged nothing for 15s",
       .seen_within = kSeenWithin},
      {.name = "reads no more",
       .script = {.on_packet = OnData([](Session& s, const Packet&) {
                    s.StopReading();
                    return true;
                  })},
       .reason = "the broker acknowledged nothing for 15s",
       .seen_within = kSeenWithin},
      {.name = "answers no CONNECT",
       .script = {.on_packet = On(kConnect, [](Session&, const Packet&) {})},
       .reason = "timeout",
       .seen_within = absl::Seconds(22)},
      {.name = "stops in the TLS handshake",
       .script = {.deaf = true},
       .reason = "timeout",
       .tls = true},
  });
}

TEST(HostileBrokerTest, OneThatCutsIsConnectedToAgainAndOneThatIsSlowIsKept) {
  PlayHostileBrokers({
      {.name = "cuts in the middle of a packet",
       .script = {.on_packet = OnData([](Session& s, const Packet&) {
                    s.Send(absl::string_view("\x32\x64\x00\x05part", 8));
                    s.Cut();
                    return true;
                  })},
       .reason = "the broker closed the connection",
       .connections = 4},
      {.name = "closes its half",
       .script = {.on_packet = OnData([](Session& s, const Packet&) {
                    s.HalfClose();
                    return true;
                  })},
       .reason = "the broker closed the connection",
       .connections = 4},
      {.name = "answers no ping",
       .script = {.on_packet = On(kPingreq, [](Session&, const Packet&) {})},
       .reason = "lost the connection",
       .more = "<MQTTKeepAlive _=\"2\"/>",
       .send_time_s = 8,
       .messages_afterwards = 1},
      {.name = "acknowledges after 5 s",
       .script = {.on_packet = OnData([](Session& s, const Packet& p) {
                    s.AnswerWell(p, absl::Seconds(5));
                    return true;
                  })},
       .connections = 1,
       .until = [](const ScriptedBroker& b) { return b.acknowledged_up_to() >= 12; }},
      {.name = "kept a session that should be clean",
       .script = {.on_packet =
                      On(kConnect, [](Session& s, const Packet&) { s.Send(Connack(0, 1)); })},
       .connections = 1,
       .until = [](const ScriptedBroker& b) { return b.acknowledged_up_to() >= 3; }},
      {.name = "CONNACK with reserved bits",
       .script = {.on_packet =
                      On(kConnect, [](Session& s, const Packet&) { s.Send(Connack(0, 0xfe)); })},
       .connections = 1,
       .until = [](const ScriptedBroker& b) { return b.acknowledged_up_to() >= 3; }},
  });
}

TEST(HostileBrokerTest, OneThatRefusesIsNamedInTheStatusAndTriedAgain) {
  const auto connack = [](uint8_t code) {
    return ScriptedBroker::Script{.on_packet = On(kConnect, [code](Session& s, const Packet&) {
                                    s.Send(Connack(code));
                                    s.Cut();
                                  })};
  };
  PlayHostileBrokers({
      {.name = "CONNACK 3", .script = connack(3), .reason = "broker refused: server unavailable"},
      {.name = "CONNACK 5", .script = connack(5), .reason = "broker refused: not authorised"},
      {.name = "CONNACK 200", .script = connack(200), .reason = "broker refused: code 200"},
      {.name = "SUBACK 0x80",
       .script = {.on_packet = On(kSubscribe,
                                  [](Session& s, const Packet& p) {
                                    s.Send(Write(0x90, absl::StrCat(p.packet_id(), "\x80")));
                                  })},
       .reason = "broker refused the subscription",
       .connections = 1,
       // Each topic has a SUBSCRIBE of its own.
       .until = [](const ScriptedBroker& b) { return b.received(kSubscribe) > 4; }},
      {.name = "closes at once",
       .script = {.on_connection = [](Session& s) { s.Cut(); }},
       .reason = "can't connect"},
      {.name = "speaks another protocol",
       .script = {.on_packet = On(kConnect,
                                  [](Session& s, const Packet&) {
                                    s.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
                                    s.Cut();
                                  })},
       .reason = "can't connect"},
  });
}

// The gateway's memory, its other connector, and the sender's answer.
TEST(HostileBrokerTest, APacketOf100MegabytesCostsNoMoreThanOneAndIsAnswered) {
  const auto on_data = [](std::function<void(Session&, const Packet&)> act) {
    return OnData([act = std::move(act), done = std::make_shared<std::atomic<bool>>(false)](
                      Session& s, const Packet& p) {
      s.AnswerWell(p);
      if (!done->exchange(true)) act(s, p);
      return true;
    });
  };
  const auto refused = [](const ScriptedBroker& broker) {
    for (const portal::CommandResult& result : broker.portal().results) {
      if (result.error_code == 413 && result.response_id == "large") return true;
    }
    return false;
  };
  PlayHostileBrokers({
      {.name = "a command of 100 MB",
       .script = {.on_packet = on_data([](Session& s, const Packet& p) {
                    s.Send(Publish(TopicBeside(p, "cmd"),
                                   SetLevel("large") + std::string(kHundredMegabytes, ' '), 9));
                  })},
       .connections = 1,
       .until =
           [refused](const ScriptedBroker& b) {
             return refused(b) && b.received(kPuback) == 1 && b.acknowledged_up_to() >= 5;
           }},
      {.name = "a retained message of 100 MB",
       .script = {.on_packet = on_data([](Session& s, const Packet& p) {
                    s.Send(Publish(TopicBeside(p, "cmd"), std::string(kHundredMegabytes, 'x'), 0,
                                   /*retained=*/true));
                  })},
       .connections = 1,
       .until = [](const ScriptedBroker& b) { return b.acknowledged_up_to() >= 5; }},
      {.name = "a SUBACK of 100 MB",
       .script = {.on_packet = OnData([](Session& s, const Packet&) {
                    s.Send(Write(0x90, std::string(kHundredMegabytes, '\1')));
                    return true;
                  })},
       .reason = "the broker announced a packet of type 9 with 104857600 bytes"},
      {.name = "a length of more than 4 bytes",
       .script = {.on_packet = OnData([](Session& s, const Packet&) {
                    s.Send("\x30\xff\xff\xff\xff\x01 and so on");
                    return true;
                  })},
       .reason = "a length of more than 4 bytes"},
  });
}

TEST(HostileBrokerTest, PacketsThatMqttForbidsDoNotHarm) {
  const std::string topic_of_all = absl::StrCat(kTopicPrefix, "#");
  const std::vector<std::string> bad_topics = {
      Publish("customer-1/fp/+/cmd", SetLevel("plus")),
      Publish(topic_of_all, SetLevel("hash")),
      Publish("\xc0\x80", "not UTF-8"),
      Publish("\xed\xa0\x80", "half of a surrogate"),
      Publish(absl::string_view("a\0b", 3), "zero"),
      Publish("", "no topic"),
      // Packet id 0 with QoS 1.
      Write(0x32, absl::string_view("\0\1t\0\0x", 6)),
  };
  const std::vector<std::string> wrong_lengths = {
      Write(0x40, ""),
      Write(0x40, "\1"),
      Write(0x40, absl::string_view("\0\1\0\0\0", 5)),
      Write(0x50, ""),
      Write(0x62, "\1"),
      Write(0x70, ""),
      Write(0x90, ""),
      Write(0x90, absl::string_view("\0\1", 2)),
      Write(0x20, ""),
      Write(0xd0, "more"),
      Write(0x30, ""),
      Write(0x30, "\1"),
      Write(0x30, absl::string_view("\xff\xfft", 3)),
      Write(0x32, absl::string_view("\0\1t", 3)),
      Write(0x32, absl::string_view("\0\1t\0", 4)),
  };
  const std::vector<std::string> of_a_client = {
      Write(0x36, absl::string_view("\0\1t\0\7x", 6)),
      Write(0x00, ""),
      Write(0x10, "x"),
      Write(0x82, absl::string_view("\0\1\0\1t\1", 6)),
      Write(0xa2, "ab"),
      Write(0xc0, ""),
      Write(0xe0, ""),
      Write(0xf0, "x"),
      Connack(0),
      Connack(5),
  };
  const int many = 20;
  // Each ends its connection.
  const int some = 8;
  PlayHostileBrokers({
      {.name = "topics and packet ids",
       .script = {.on_packet = Among(bad_topics)},
       .connections = 1,
       .until =
           [](const ScriptedBroker& b) {
             return b.received(kPublish) >= many && b.portal().results.empty();
           }},
      {.name = "wrong lengths",
       .script = {.on_packet = Among(wrong_lengths)},
       .reason = "no packet of MQTT: type ",
       .connections = some,
       .until = AfterPublishes(some)},
      {.name = "packets of a client",
       .script = {.on_packet = Among(of_a_client)},
       .reason = "no packet of MQTT: it begins with ",
       .connections = some,
       .until = AfterPublishes(some)},
      {.name = "acknowledges what was not sent, and twice",
       .script = {.on_packet = OnData([](Session& s, const Packet& p) {
                    s.Send(Write(0x40, "wx"));
                    s.AnswerWell(p);
                    s.Send(Write(0x40, p.packet_id()));
                    s.Send(Write(0x40, p.packet_id()));
                    return true;
                  })},
       .connections = 1,
       .until = [](const ScriptedBroker& b) { return b.acknowledged_up_to() >= 10; }},
      {.name = "QoS 2 in the wrong order",
       .script = {.on_packet =
                      [](Session& s, const Packet& p) {
                        if (p.IsData()) {
                          s.Send(Write(0x70, "wx"));
                          s.Send(Write(0x50, "wx"));
                          s.AnswerWell(p);
                          s.Send(Write(0x50, p.packet_id()));
                          return true;
                        }
                        if (p.type() != kPubrel) return false;
                        s.Send(Write(0x50, p.packet_id()));
                        s.AnswerWell(p);
                        s.Send(Write(0x70, p.packet_id()));
                        return true;
                      }},
       .connections = 0,
       .until = [](const ScriptedBroker& b) { return b.acknowledged_up_to() >= 10; },
       .qos = 2},
      {.name = "commands that are retained",
       .script = {.on_packet = OnData([](Session& s, const Packet& p) {
                    s.AnswerWell(p);
                    s.Send(
                        Publish(TopicBeside(p, "cmd"), SetLevel("retained"), 0, /*retained=*/true));
                    s.Send(Publish(TopicBeside(p, "gatewayInitResult"), "{garbage", 0,
                                   /*retained=*/true));
                    s.Send(Publish(TopicBeside(p, "config"), std::string(1000, '\xff'), 0, true));
                    return true;
                  })},
       .connections = 1,
       .until =
           [](const ScriptedBroker& b) {
             return b.acknowledged_up_to() >= 5 && b.portal().results.empty();
           }},
  });
}

}  // namespace
}  // namespace fieldgate::fault_test
