#include "services/process_data/logging/data_logs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace fieldgate::process_data {
namespace {

// What of a configuration matters here, to compare.
std::string Digest(const config_store::v1::Configuration& configuration) {
  config_store::v1::Configuration part;
  *part.mutable_logs() = configuration.logs();
  part.set_factory_epoch(configuration.factory_epoch());
  return part.SerializeAsString();
}

}  // namespace

DataLogs::DataLogs(ProcessImage& image, std::unique_ptr<LogStore> store, Threads& threads,
                   LogRecorder::KeepFresh keep_fresh)
    : store_(std::move(store)),
      recorder_(image, *store_, threads.clock(), std::move(keep_fresh)),
      notice_(threads.MakeConditionVariable()),
      thread_(threads.Start([this] { Run(); })) {}

DataLogs::~DataLogs() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  recorder_.Interrupt();
  thread_->Join();
}

void DataLogs::Configure(const config_store::v1::Configuration& configuration) {
  std::string digest = Digest(configuration);
  {
    std::lock_guard lock(mutex_);
    if (configured_ && digest == configuration_) return;
    configured_ = true;
    configuration_ = std::move(digest);
    given_.emplace();
    given_->epoch = configuration.factory_epoch();
    for (const config_store::v1::Log& log : configuration.logs()) {
      given_->logs.push_back(DefinitionOf(log));
    }
  }
  recorder_.Interrupt();
  log::Info("logs configured", {{"logs", std::to_string(configuration.logs_size())}});
}

absl::StatusOr<int64_t> DataLogs::Record(const std::string& log, MonotonicTime deadline) {
  auto job = std::make_shared<Job>();
  job->log = log;
  std::unique_lock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the service is stopping; nothing recorded");
  if (jobs_.size() >= kMaxWaiting) {
    return absl::UnavailableError(absl::StrCat(kMaxWaiting, " records are waiting for the disk"));
  }
  jobs_.push_back(job);
  lock.unlock();
  recorder_.Interrupt();
  lock.lock();
  if (!notice_->AwaitUntil(lock, deadline, [&job] { return job->done; })) {
    const auto waiting = std::find(jobs_.begin(), jobs_.end(), job);
    if (waiting == jobs_.end()) return absl::UnavailableError("the disk did not answer in time");
    jobs_.erase(waiting);
    return absl::UnavailableError("the disk was busy until the deadline; nothing recorded");
  }
  return job->result;
}

absl::StatusOr<LogRecords> DataLogs::Read(const std::string& log, const LogQuery& query) {
  if (!recorder_.readable()) {
    return absl::UnavailableError("the logs are being reset to the factory's state");
  }
  return store_->Read(log, query);
}

std::vector<DataLogs::Listed> DataLogs::List() const {
  std::vector<Listed> listed;
  if (recorder_.readable()) {
    for (StoredLog& stored : store_->Logs()) listed.push_back({std::move(stored), ""});
  }
  std::lock_guard lock(mutex_);
  for (const auto& [name, error] : errors_) {
    const auto found = std::find_if(listed.begin(), listed.end(),
                                    [&](const Listed& l) { return l.stored.name == name; });
    if (found != listed.end()) {
      found->error = error;
    } else {
      // The store could not even be told of it.
      StoredLog log;
      log.name = name;
      log.configured = true;
      listed.push_back({std::move(log), error});
    }
  }
  return listed;
}

void DataLogs::Run() {
  for (;;) {
    std::optional<Definitions> definitions;
    std::vector<std::shared_ptr<Job>> jobs;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) break;
      definitions.swap(given_);
      jobs.assign(jobs_.begin(), jobs_.end());
      jobs_.clear();
    }
    if (definitions.has_value()) {
      recorder_.Configure(std::move(definitions->logs), definitions->epoch);
    }
    std::vector<std::string> requests;
    for (const auto& job : jobs) requests.push_back(job->log);
    const std::vector<absl::StatusOr<int64_t>> results = recorder_.Run(requests);
    {
      std::lock_guard lock(mutex_);
      for (size_t i = 0; i < jobs.size(); ++i) {
        jobs[i]->result = results[i];
        jobs[i]->done = true;
      }
      errors_ = recorder_.Errors();
      if (!jobs.empty()) notice_->NotifyAll();
    }
    recorder_.Wait();
  }
  recorder_.Flush();
  std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    job->result = absl::UnavailableError("the service is stopping; nothing recorded");
    job->done = true;
  }
  jobs_.clear();
  notice_->NotifyAll();
}

}  // namespace fieldgate::process_data
