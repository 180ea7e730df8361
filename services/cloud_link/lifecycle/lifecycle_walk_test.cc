// Random events in random order: whatever happens, the promises hold.
#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "services/cloud_link/lifecycle/lifecycle.h"
#include "services/cloud_link/payload/topics.h"

namespace fieldgate::cloud_link {
namespace {

constexpr int kSteps = 10'000;
using State = LifecycleState;

class Walk {
 public:
  explicit Walk(uint32_t seed) : random_(seed) {
    LifecycleConfig config;
    config.base_url = "ssl://base:8883";
    config.serial_number = "04125378";
    config.broker_fallback = absl::Minutes(5);
    if (seed % 3 == 1) config.stored = Identity{"gw", "cust", "ssl://other:8883", std::nullopt};
    if (seed % 3 == 2) {
      config.gateway_id = "gw";
      config.customer_id = "cust";
    }
    lifecycle_.emplace(config, seed);
    Check(lifecycle_->Start(now_));
  }

  int runs() const { return runs_; }

  void Step() {
    const LifecycleEvent event = NextEvent();
    const State before = lifecycle_->state();
    const auto* init = std::get_if<InitResult>(&event);
    const bool init_succeeded = before == State::kWaitInitResult && init != nullptr &&
                                init->error_code == 0 && init->response_id == last_init_;
    if (const auto* sent = std::get_if<RequestSent>(&event)) {
      if (before == State::kInit || before == State::kWaitInitResult) last_init_ = sent->request_id;
    }
    const std::vector<LifecycleAction> actions = lifecycle_->On(event, now_);
    if (lifecycle_->state() == State::kRunning && before != State::kRunning) {
      EXPECT_TRUE(init_succeeded);
      ++runs_;
    }
    EXPECT_EQ(init_succeeded, lifecycle_->state() == State::kRunning && before != State::kRunning);
    Check(actions);
  }

 private:
  uint32_t Draw(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  // Mostly what the state waits for, often something else.
  LifecycleEvent NextEvent() {
    now_ = now_ + absl::Milliseconds(Draw(2000));
    if (Draw(3) != 0) {
      switch (lifecycle_->state()) {
        case State::kConnecting:
          return Draw(3) == 0 ? LifecycleEvent(Disconnected{"refused"}) : Connected{};
        case State::kRollout:
        case State::kInit:
          return Draw(2) == 0 ? LifecycleEvent(Subscribed{}) : RequestSent{NewId()};
        case State::kWaitRolloutResult:
          return Draw(2) == 0 ? LifecycleEvent(Rollout()) : IdentityStored{};
        case State::kWaitInitResult:
          return Init();
        default:
          now_ = std::max(now_, std::min(lifecycle_->deadline(), now_ + absl::Hours(1)));
          return TimePassed{};
      }
    }
    switch (Draw(15)) {
      case 0:
        return Connected{};
      case 1:
        return Disconnected{"reset"};
      case 2:
        return Subscribed{};
      case 3:
        return SubscribeFailed{"refused"};
      case 4:
        return RequestSent{NewId()};
      case 5:
        return RequestFailed{"full"};
      case 6:
        return Rollout();
      case 7:
        return Init();
      case 8:
        return UnreadableResult{"garbage"};
      case 9:
        return IdentityStored{};
      case 10:
        return IdentityStoreFailed{"disk"};
      case 11:
        return Draw(10) == 0 ? LifecycleEvent(SecretsReset{}) : TimePassed{};
      case 12:
        return DataModelChanged{};
      default:
        now_ = now_ + absl::Seconds(Draw(100));
        return TimePassed{};
    }
  }

  std::string NewId() { return "id" + std::to_string(++ids_); }
  std::string SomeId() { return "id" + std::to_string(ids_ - std::min(ids_, Draw(2))); }
  RolloutResult Rollout() {
    static constexpr const char* kIds[] = {"gw", "gw2", "a/b", "#", ""};
    static constexpr const char* kUrls[] = {"", "", "other", "tcp://plain:1883", "base", "bad url"};
    RolloutResult result;
    result.error_code = Draw(3) == 0 ? 409 : 0;
    result.response_id = SomeId();
    result.gateway_id = kIds[Draw(2) == 0 ? 0 : Draw(5)];
    result.customer_id = "cust";
    result.data_broker_url = kUrls[Draw(6)];
    result.has_configuration = Draw(2) == 0;
    return result;
  }
  InitResult Init() { return {Draw(4) == 0 ? 404 : 0, SomeId(), "1"}; }

  void Check(const std::vector<LifecycleAction>& actions) {
    const State state = lifecycle_->state();
    bool connect = false;
    for (const LifecycleAction& action : actions) {
      if (std::holds_alternative<Connect>(action)) {
        connect = true;
        EXPECT_EQ(std::get<Connect>(action).url, lifecycle_->broker_url());
        EXPECT_EQ(std::get<Connect>(action).url.rfind("ssl://", 0), 0u);
        EXPECT_EQ(state, State::kConnecting);
      } else if (const auto* subscribe = std::get_if<Subscribe>(&action)) {
        EXPECT_TRUE(lifecycle_->connected());
        for (const std::string& topic : subscribe->topics) CheckTopic(topic);
      } else if (const auto* rollout = std::get_if<SendRollout>(&action)) {
        EXPECT_TRUE(lifecycle_->connected());
        EXPECT_EQ(lifecycle_->broker_url(), "ssl://base:8883");
        CheckTopic(rollout->topic);
      } else if (const auto* init = std::get_if<SendInit>(&action)) {
        EXPECT_TRUE(lifecycle_->connected());
        CheckTopic(init->topic);
      } else if (const auto* store = std::get_if<StoreIdentity>(&action)) {
        EXPECT_TRUE(IsValidId(store->identity.gateway_id));
        EXPECT_TRUE(IsValidId(store->identity.customer_id));
      } else if (std::holds_alternative<StartRunning>(action)) {
        EXPECT_EQ(state, State::kRunning);
      }
    }
    EXPECT_FALSE(connect && lifecycle_->connected());
    EXPECT_EQ(lifecycle_->deadline() == MonotonicTime::Never(),
              state == State::kDisabled || state == State::kRunning);
    if (state == State::kRunning) {
      EXPECT_TRUE(lifecycle_->connected());
      EXPECT_TRUE(IsValidId(lifecycle_->identity().gateway_id));
    }
    EXPECT_FALSE(lifecycle_->detail().empty());
  }

  static void CheckTopic(const std::string& topic) {
    EXPECT_FALSE(topic.empty());
    EXPECT_EQ(topic.find_first_of("+# "), std::string::npos) << topic;
    EXPECT_EQ(topic.find("//"), std::string::npos) << topic;
  }

  std::minstd_rand random_;
  MonotonicTime now_{absl::Seconds(1)};
  std::optional<Lifecycle> lifecycle_;
  std::string last_init_;
  uint32_t ids_ = 0;
  int runs_ = 0;
};

TEST(LifecycleWalkTest, KeepsItsPromisesWhateverHappens) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    Walk walk(seed);
    for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) walk.Step();
    EXPECT_GT(walk.runs(), 50);
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
