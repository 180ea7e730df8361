#include "common/testing/two_ways.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate {
namespace {

// The far end of a cable, in its namespace.
absl::Status SetUpFarEnd(const NetworkNamespace& place, const std::string& name, int number) {
  absl::Status status;
  place.Run([&] {
    status.Update(AddAddress(name, absl::StrCat("10.0.", number, ".1/24")));
    status.Update(AddAddress(name, absl::StrCat("fd00:", number, "::1/64")));
    status.Update(SetInterfaceUp(name));
  });
  return status;
}

absl::Status PlugIn(const NetworkNamespace& place, const std::string& name, int number, bool ipv4,
                    bool ipv6) {
  const std::string far_end = absl::StrCat("far", number);
  absl::Status status = AddCable(name, place, far_end);
  if (status.ok()) status = SetUpFarEnd(place, far_end, number);
  const int metric = 100 * number;
  if (status.ok() && ipv4) status = AddAddress(name, absl::StrCat("10.0.", number, ".2/24"));
  if (status.ok() && ipv6) status = AddAddress(name, absl::StrCat("fd00:", number, "::2/64"));
  if (status.ok()) status = SetInterfaceUp(name);
  if (status.ok() && ipv4) {
    status = AddDefaultRoute(name, absl::StrCat("10.0.", number, ".1"), metric);
  }
  if (status.ok() && ipv6) {
    status = AddDefaultRoute(name, absl::StrCat("fd00:", number, "::1"), metric);
  }
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TwoWays>> TwoWays::Create() {
  if (absl::Status s = EnterOwnNetwork(); !s.ok()) return s;
  absl::StatusOr<NetworkNamespace> lan = NetworkNamespace::Create();
  if (!lan.ok()) return lan.status();
  absl::StatusOr<NetworkNamespace> wwan = NetworkNamespace::Create();
  if (!wwan.ok()) return wwan.status();
  for (const NetworkNamespace* place : {&*lan, &*wwan}) {
    absl::Status status;
    place->Run([&status] {
      status.Update(AddAddress("lo", absl::StrCat(kHost, "/32")));
      status.Update(AddAddress("lo", absl::StrCat(kHost6, "/128")));
    });
    if (!status.ok()) return status;
  }
  std::unique_ptr<TwoWays> ways(new TwoWays(*std::move(lan), *std::move(wwan)));
  absl::Status status = PlugIn(ways->behind_lan_, "lan0", 1, true, true);
  if (status.ok()) status = ways->PlugInWwan();
  if (!status.ok()) return status;
  return ways;
}

absl::Status TwoWays::PlugInWwan(bool ipv4, bool ipv6) {
  return PlugIn(behind_wwan_, "wwan0", 2, ipv4, ipv6);
}

absl::Status TwoWays::UnplugWwan() { return DeleteInterface("wwan0"); }

}  // namespace fieldgate
