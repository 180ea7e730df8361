#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/testing/network_namespace.h"

namespace fieldgate {

// The network of a gateway with two ways out, lan0 and wwan0, in the process's
// own namespace. Behind each is another place where the same addresses are
// somebody's; without further ado everything goes through lan0.
class TwoWays {
 public:
  // Of the hosts behind both ways.
  static constexpr char kHost[] = "192.0.2.1";
  static constexpr char kHost6[] = "2001:db8::1";
  // Of the gateway.
  static constexpr char kLanAddress[] = "10.0.1.2";
  static constexpr char kWwanAddress[] = "10.0.2.2";
  static constexpr char kWwanAddress6[] = "fd00:2::2";

  // Call before there are other threads.
  // kUnavailable: the kernel refuses networks; a test skips with the message.
  static absl::StatusOr<std::unique_ptr<TwoWays>> Create();

  const NetworkNamespace& behind_lan() const { return behind_lan_; }
  const NetworkNamespace& behind_wwan() const { return behind_wwan_; }

  // wwan0 and what belongs to it; Create has plugged it in.
  absl::Status PlugInWwan(bool ipv4 = true, bool ipv6 = true);
  absl::Status UnplugWwan();

 private:
  TwoWays(NetworkNamespace behind_lan, NetworkNamespace behind_wwan)
      : behind_lan_(std::move(behind_lan)), behind_wwan_(std::move(behind_wwan)) {}

  NetworkNamespace behind_lan_;
  NetworkNamespace behind_wwan_;
};

}  // namespace fieldgate
