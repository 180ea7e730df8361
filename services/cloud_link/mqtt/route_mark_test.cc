#include "services/cloud_link/mqtt/route_mark.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::Ne;

// What getaddrinfo finds, as text; empty: nothing.
std::string Find(const std::string& name, int* error = nullptr) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != nullptr) *error = result;
  if (result != 0) return "";
  char text[NI_MAXHOST] = "";
  getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  freeaddrinfo(found);
  return text;
}

// What a new socket is bound to; "none" without a socket.
std::string InterfaceOfNewSocket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return "none";
  char name[IFNAMSIZ] = "";
  socklen_t size = sizeof name;
  EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size), 0);
  close(fd);
  return name;
}

TEST(RouteMarkTest, ItsNameIsTheAddressAndBindsTheNextSocketOnly) {
  const RouteMark mark("broker.example", "192.0.2.7", "lo");
  EXPECT_EQ(Find(mark.name()), "192.0.2.7");
  EXPECT_EQ(InterfaceOfNewSocket(), "lo");
  EXPECT_EQ(InterfaceOfNewSocket(), "");
}

TEST(RouteMarkTest, AnIpv6AddressIsFoundAsWell) {
  const RouteMark mark("broker.example", "2001:db8::7", "lo");
  EXPECT_EQ(Find(mark.name()), "2001:db8::7");
}

TEST(RouteMarkTest, StandsForItsHostWhileItLives) {
  std::string name;
  {
    const RouteMark mark("broker.example", "192.0.2.7", "lo");
    name = mark.name();
    EXPECT_EQ(HostOfMark(name), "broker.example");
  }
  EXPECT_EQ(HostOfMark(name), std::nullopt);
  EXPECT_EQ(HostOfMark("broker.example"), std::nullopt);
  EXPECT_EQ(HostOfMark("%"), std::nullopt);
  EXPECT_EQ(HostOfMark("%1x"), std::nullopt);
}

TEST(RouteMarkTest, TwoMarksAreTwo) {
  const RouteMark a("a.example", "192.0.2.7", "lo");
  const RouteMark b("b.example", "192.0.2.8", "lo");
  EXPECT_THAT(a.name(), Ne(b.name()));
  EXPECT_EQ(Find(a.name()), "192.0.2.7");
  EXPECT_EQ(Find(b.name()), "192.0.2.8");
}

TEST(RouteMarkTest, TheNameOfAMarkThatIsGoneDoesNotResolve) {
  auto mark = std::make_unique<RouteMark>("broker.example", "192.0.2.7", "lo");
  const std::string name = mark->name();
  mark.reset();
  int error = 0;
  EXPECT_EQ(Find(name, &error), "");
  EXPECT_EQ(error, EAI_NONAME);
  EXPECT_EQ(InterfaceOfNewSocket(), "");
}

TEST(RouteMarkTest, WithoutItsInterfaceThereIsNoSocket) {
  const RouteMark mark("broker.example", "192.0.2.7", "nowhere0");
  EXPECT_EQ(Find(mark.name()), "192.0.2.7");
  errno = 0;
  EXPECT_EQ(InterfaceOfNewSocket(), "none");
  EXPECT_EQ(errno, ENODEV);
  EXPECT_EQ(InterfaceOfNewSocket(), "");
}

TEST(RouteMarkTest, AnotherLookUpInBetweenForgetsTheInterface) {
  const RouteMark mark("broker.example", "192.0.2.7", "lo");
  Find(mark.name());
  EXPECT_EQ(Find("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(InterfaceOfNewSocket(), "");
}

TEST(RouteMarkTest, OtherThreadsAreNotConcerned) {
  const RouteMark mark("broker.example", "192.0.2.7", "lo");
  Find(mark.name());
  std::thread([] { EXPECT_EQ(InterfaceOfNewSocket(), ""); }).join();
  EXPECT_EQ(InterfaceOfNewSocket(), "lo");
}

TEST(RouteMarkTest, OtherNamesResolveAsEver) {
  EXPECT_EQ(Find("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(Find("::1"), "::1");
  EXPECT_EQ(Find("localhost").empty(), false);
  addrinfo* found = nullptr;
  ASSERT_EQ(getaddrinfo(nullptr, "1883", nullptr, &found), 0);
  freeaddrinfo(found);
}

}  // namespace
}  // namespace fieldgate::cloud_link
