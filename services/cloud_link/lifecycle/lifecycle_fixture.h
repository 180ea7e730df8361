#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "services/cloud_link/lifecycle/lifecycle.h"

// A lifecycle in simulated time, its actions as short texts.
namespace fieldgate::cloud_link {

using State = LifecycleState;

inline constexpr char kBase[] = "tcp://base:1883";

inline std::string Text(const LifecycleAction& action) {
  if (const auto* a = std::get_if<Connect>(&action)) return "connect " + a->url;
  if (std::holds_alternative<Disconnect>(action)) return "disconnect";
  if (const auto* a = std::get_if<Subscribe>(&action))
    return "subscribe " + absl::StrJoin(a->topics, " ");
  if (const auto* a = std::get_if<SendRollout>(&action)) return "rollout " + a->topic;
  if (const auto* a = std::get_if<SendInit>(&action)) return "init " + a->topic;
  if (const auto* a = std::get_if<StoreIdentity>(&action)) {
    return "store " + a->identity.customer_id + "/" + a->identity.gateway_id + " " +
           a->identity.data_broker_url;
  }
  if (std::holds_alternative<ForgetIdentity>(action)) return "forget";
  if (std::holds_alternative<ExecuteConfiguration>(action)) return "execute";
  if (const auto* a = std::get_if<StartRunning>(&action)) return "run " + a->identity.gateway_id;
  return "?";
}

class LifecycleTest : public testing::Test {
 protected:
  using Actions = std::vector<std::string>;

  LifecycleTest() {
    config_.base_url = kBase;
    config_.serial_number = "04125378";
  }

  Actions Begin() {
    lifecycle_.emplace(config_, 1);
    return Texts(lifecycle_->Start(now_));
  }
  Actions On(const LifecycleEvent& event) { return Texts(lifecycle_->On(event, now_)); }
  // Lets the deadline pass.
  Actions Wait() {
    now_ = lifecycle_->deadline();
    return On(TimePassed{});
  }
  State state() const { return lifecycle_->state(); }
  absl::Duration Left() const { return lifecycle_->deadline() - now_; }

  static RolloutResult Rolled(const std::string& id) {
    RolloutResult result;
    result.response_id = id;
    result.gateway_id = "gw";
    result.customer_id = "cust";
    return result;
  }
  static InitResult Inited(const std::string& id) { return {0, id, "1.0.0"}; }

  void UseConfiguredIds() {
    config_.gateway_id = "gw";
    config_.customer_id = "cust";
  }
  void UseStoredIds(const std::string& url = "") {
    config_.stored = Identity{"gw", "cust", url, std::nullopt};
  }

  // Up to the state where the result with `id` is awaited.
  void AwaitRollout(const std::string& id = "r1") {
    Begin();
    On(Connected{});
    On(Subscribed{});
    On(RequestSent{id});
    ASSERT_EQ(state(), State::kWaitRolloutResult);
  }
  void AwaitInit(const std::string& id = "i1") {
    Begin();
    On(Connected{});
    On(Subscribed{});
    On(RequestSent{id});
    ASSERT_EQ(state(), State::kWaitInitResult);
  }
  void Run() {
    AwaitInit();
    On(Inited("i1"));
    ASSERT_EQ(state(), State::kRunning);
  }

  static Actions Texts(const std::vector<LifecycleAction>& actions) {
    Actions out;
    for (const LifecycleAction& action : actions) out.push_back(Text(action));
    return out;
  }

  LifecycleConfig config_;
  std::optional<Lifecycle> lifecycle_;
  MonotonicTime now_{absl::Seconds(1000)};
};

inline constexpr char kSubscribeRollout[] = "subscribe fp/gatewayRolloutResult/04125378";
inline constexpr char kRollout[] = "rollout fp/gatewayRollout";
inline constexpr char kSubscribeInit[] =
    "subscribe cust/fp/gw/gatewayInitResult cust/fp/gw/config cust/fp/gw/cmd cust/fp/gw/state";
inline constexpr char kInit[] = "init cust/fp/gw/gatewayInit";

}  // namespace fieldgate::cloud_link
