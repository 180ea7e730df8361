#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/testing/simulated_disk.h"
#include "proto/cloud_link.pb.h"
#include "tests/simulation/broker.h"
#include "tests/simulation/field.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/portal_model.h"
#include "tests/simulation/processes.h"
#include "tests/simulation/service_host.h"
#include "tests/simulation/simulate.h"

namespace fieldgate::simulation {

// The gateway and all that is around it, for one seed. Thread-compatible.
class World {
 public:
  explicit World(const Options& options);
  ~World();

  Outcome Run();

 private:
  // faults.cc
  void ScheduleFaults();
  // `fault` again and again, while the faults last.
  void Often(FaultKind kind, std::function<void()> fault);
  // Something that is so for a while.
  void ForAWhile(absl::Duration shortest, absl::Duration longest, std::function<void()> begin,
                 std::function<void()> end);
  void EndFaults();
  void KillSoon(ServiceHost& host);
  void CutPower();
  // Of the lying disk.
  void TakeSnapshot();
  void RestoreSnapshot();
  void FailDisk(bool full);
  void SendJob();
  void SendConfiguration();
  void SendProbation();
  Job NewJob(portal::CommandKind kind, const ConnectorPlan& connector);
  void Give(Job job, std::vector<tixml::Node> commands);
  const ConnectorPlan& AnyConnector();

  // world.cc
  void CheckStep();
  bool AllRun() const;
  bool Settled() const;
  bool AllArrived();
  std::string WhatIsMissing() const;
  // Asks cloud_link for its status, as the command line does. The answer comes
  // later, in status_.
  void AskStatus();
  void OnConfigOpened(config_store::ConfigurationStore& store);
  void OnConfigApplied(const config_store::ConfigurationStore& store);

  const Options options_;
  Random random_;
  const Plan plan_;
  Scheduler scheduler_;
  Trace trace_;
  SimulatedDisk disk_;
  Field field_;
  PortalModel portal_;
  Broker broker_;
  Surroundings around_;
  ServiceHost config_store_;
  ServiceHost process_data_;
  ServiceHost cloud_link_;

  Random faults_;  // what goes wrong, and when
  MonotonicTime faults_end_;
  bool calm_ = false;
  int last_job_ = 0;
  std::map<std::string, std::string> snapshot_;
  std::optional<cloud_link::v1::GetStatusResponse> status_;
  bool asking_ = false;
  // Of the configuration that was last answered as applied.
  int64_t applied_revision_ = 0;
  std::string applied_;
};

}  // namespace fieldgate::simulation
