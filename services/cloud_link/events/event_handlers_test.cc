#include "services/cloud_link/events/event_handlers.h"

#include <gmock/gmock.h>

#include <thread>

#include "common/time/threads.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::HasSubstr;

config_store::v1::Events Events(const std::string& handler, const std::string& command) {
  config_store::v1::Events events;
  auto& added = *events.add_handlers();
  added.set_name(handler);
  added.add_commands()->set_name(command);
  return events;
}

TEST(EventHandlersTest, AHandlerHasItsCommandsAndTheNewestConfigurationCounts) {
  EventHandlers handlers(RealThreads());
  handlers.Configure(Events("HighTemp", "Get"), 1);
  const auto before = handlers.Handler("HighTemp", 0).value();
  handlers.Configure(Events("HighTemp", "Set"), 2);
  EXPECT_EQ(handlers.Handler("HighTemp", 0).value()->at(0).name, "Set");
  EXPECT_EQ(before->at(0).name, "Get") << "what is being executed goes on";
}

TEST(EventHandlersTest, AnUnknownHandlerNamesTheNearest) {
  EventHandlers handlers(RealThreads());
  handlers.Configure(Events("HighTemp", "Get"), 1);
  const absl::Status near = handlers.Handler("HighTmp", 0).status();
  EXPECT_EQ(near.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(near.message(), "there is no EventHandler 'HighTmp'; did you mean HighTemp?");
  EXPECT_THAT(std::string(handlers.Handler("Pump", 0).status().message()),
              HasSubstr("EVENTS/EventHandler has those that there are"));
}

TEST(EventHandlersTest, AConfigurationThatIsOnItsWayIsWaitedFor) {
  EventHandlers handlers(RealThreads());
  handlers.Configure(Events("Old", "Get"), 1);
  std::thread later([&handlers] { handlers.Configure(Events("New", "Get"), 2); });
  EXPECT_TRUE(handlers.Handler("New", 2).ok());
  later.join();
}

TEST(EventHandlersTest, AConfigurationThatDoesNotComeIsNotWaitedForForEver) {
  EventHandlers handlers(RealThreads());
  handlers.Configure(Events("Old", "Get"), 1);
  EXPECT_TRUE(handlers.Handler("Old", 2).ok());
}

}  // namespace
}  // namespace fieldgate::cloud_link
