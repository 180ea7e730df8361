#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/time/threads.h"
#include "proto/config_store.pb.h"
#include "services/process_data/bus/bus.h"
#include "services/process_data/poller.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

// The lines that are polled: one a host and port, whichever buses its devices
// are configured in, and one a simulated bus. Thread-safe; Configure by one
// thread at a time.
class BusLines {
 public:
  using BusFactory = std::function<std::shared_ptr<Bus>(const std::string& host, uint16_t port)>;

  BusLines(ProcessImage& image, Threads& threads, BusFactory make_bus);
  ~BusLines();

  // Replaces the buses. Lines whose configuration did not change go on
  // undisturbed; others are stopped, which cancels their requests, and started
  // anew.
  void Configure(const std::vector<config_store::v1::Bus>& buses);

  // True: lines poll (at first they do). False: OK to change what they read;
  // returns when their requests have ended, or after a second: a line that
  // hangs starts no further request and changes no value.
  void SetRunning(bool running);
  bool running() const;
  // Running, and a line goes over Ethernet.
  bool PollsEthernet() const;

  // See Poller::Write.
  // kNotFound: no such device (the configuration has just changed).
  absl::Status Write(const ProcessImage::Location& point, absl::string_view text,
                     MonotonicTime deadline);

  // In the order of the configuration.
  std::vector<DeviceStatus> Status() const;

 private:
  struct Line {
    std::string configuration;  // what it was made from, to compare
    std::shared_ptr<Poller> poller;
    bool simulated = false;
  };
  struct LinePlan {
    std::string configuration;
    struct Device {
      size_t index;  // of all configured devices
      std::string path;
      const config_store::v1::BusDevice* config;
    };
    bool simulated = false;
    std::vector<Device> devices;
  };
  struct DevicePlace {
    std::shared_ptr<Poller> poller;
    size_t device;
  };

  std::shared_ptr<Poller> MakePoller(const LinePlan& plan, const std::vector<DeviceHandle>& handles,
                                     bool paused) const;
  void StopAllBut(const std::map<std::string, LinePlan>& plans);
  std::vector<std::shared_ptr<Poller>> Pollers() const;

  ProcessImage& image_;
  Threads& threads_;
  const Clock& clock_;
  const BusFactory make_bus_;

  mutable std::mutex mutex_;
  bool running_ = true;
  std::map<std::string, Line> lines_;          // by "tcp host port" or "simulated bus"
  std::map<std::string, DevicePlace> places_;  // by path
  std::vector<std::string> order_;             // paths as configured
};

}  // namespace fieldgate::process_data
