#include <gmock/gmock.h>

#include <fstream>
#include <future>

#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "common/service/service.h"
#include "common/testing/process.h"
#include "proto/cloud_link.grpc.pb.h"
#include "proto/process_data.grpc.pb.h"
#include "services/fieldgate/import.h"
#include "services/fieldgate/losses.h"
#include "services/fieldgate/run.h"
#include "services/fieldgate/status.h"
#include "services/fieldgate/tixml.h"
#include "services/fieldgate/watch.h"

namespace fieldgate::commands {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Answers as a test tells it to.
class FakeCloudLink final : public cloud_link::v1::CloudLink::Service {
 public:
  grpc::Status Execute(grpc::ServerContext*, const cloud_link::v1::ExecuteRequest* request,
                       cloud_link::v1::ExecuteResponse* response) override {
    if (request->origin() == "import") {  // is everything there?
      ++asked_;
      response->set_failed(asked_ < 3);
      if (response->failed()) response->add_problems("process_data is down");
      return grpc::Status::OK;
    }
    request_ = *request;
    ++executed_;
    *response = response_;
    return status_;
  }
  grpc::Status GetStatus(grpc::ServerContext*, const cloud_link::v1::GetStatusRequest*,
                         cloud_link::v1::GetStatusResponse* response) override {
    for (const char* name : {"CloudConn", "CloudConn2"}) {
      response->add_connectors()->set_name(name);
    }
    return grpc::Status::OK;
  }
  grpc::Status ListLosses(grpc::ServerContext*, const cloud_link::v1::ListLossesRequest* request,
                          cloud_link::v1::ListLossesResponse* response) override {
    if (request->connector() == "CloudConn4") return {grpc::StatusCode::NOT_FOUND, "none"};
    if (request->connector() == "CloudConn2") response->add_losses()->set_count(request->count());
    return grpc::Status::OK;
  }

  cloud_link::v1::ExecuteRequest request_;
  cloud_link::v1::ExecuteResponse response_;
  grpc::Status status_;
  int executed_ = 0;
  int asked_ = 0;
};

class FakeProcessData final : public process_data::v1::ProcessData::Service {
 public:
  grpc::Status Subscribe(grpc::ServerContext* context,
                         const process_data::v1::SubscribeRequest* request,
                         grpc::ServerWriter<process_data::v1::ValueBatch>* writer) override {
    if (++subscriptions_ > accepted_) return {grpc::StatusCode::INVALID_ARGUMENT, "no path"};
    process_data::v1::ValueBatch batch;
    batch.mutable_dictionary()->add_paths(request->paths(0) + "/Level");
    auto& run = *batch.add_runs();
    run.set_count(1);
    run.set_sampled_at_us(1'700'000'000'000'000);
    batch.set_kinds("\2");
    batch.set_states("\1");
    batch.add_bits(7);
    writer->Write(batch);
    while (hold_ && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    return {grpc::StatusCode::UNAVAILABLE, "stopping"};
  }
  grpc::Status GetDeviceStatus(grpc::ServerContext*,
                               const process_data::v1::GetDeviceStatusRequest*,
                               process_data::v1::GetDeviceStatusResponse* response) override {
    response->set_mode("Run");
    return grpc::Status::OK;
  }

  std::atomic<bool> hold_ = true;
  std::atomic<int> accepted_ = 1000;  // subscriptions; then they are refused
  std::atomic<int> subscriptions_ = 0;
};

class SubcommandsTest : public testing::Test {
 protected:
  SubcommandsTest() { EXPECT_TRUE(service::Prepare(dir_).ok()); }

  void ServeCloudLink() {
    cloud_link_server_ = *rpc::Server::Start(dir_.Socket("cloud_link"), {&cloud_link_});
  }
  void ServeProcessData() {
    process_data_server_ = *rpc::Server::Start(dir_.Socket("process_data"), {&process_data_});
  }

  // Runs a subcommand on `dir_`, keeping what it prints.
  int Run(int (*subcommand)(int, char**), std::vector<std::string> arguments,
          bool with_state_dir = true) {
    arguments.insert(arguments.begin(), "subcommand");
    if (with_state_dir) arguments.push_back("--state-dir=" + dir_.path);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = subcommand(static_cast<int>(arguments.size()), argv.data());
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return status;
  }

  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = root_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  const std::string root_ = NewTempDir();
  const service::StateDir dir_{root_ + "/s"};
  FakeCloudLink cloud_link_;
  FakeProcessData process_data_;
  std::unique_ptr<rpc::Server> cloud_link_server_;
  std::unique_ptr<rpc::Server> process_data_server_;
  std::string out_;
  std::string err_;
};

TEST_F(SubcommandsTest, EachSubcommandExplainsItself) {
  for (int (*subcommand)(int, char**) : {commands::Run, Import, Tixml, Status, Losses, Watch}) {
    EXPECT_EQ(Run(subcommand, {"--help"}), 0);
    EXPECT_THAT(out_, StartsWith("Usage: fieldgate "));
    EXPECT_THAT(out_, HasSubstr("Example"));
    EXPECT_THAT(out_, HasSubstr("Exit status: 0"));
    EXPECT_THAT(err_, IsEmpty());
  }
}

TEST_F(SubcommandsTest, EachSubcommandNeedsItsArguments) {
  for (int (*subcommand)(int, char**) : {commands::Run, Import, Tixml, Status, Losses, Watch}) {
    EXPECT_EQ(Run(subcommand, {}, /*with_state_dir=*/false), 2);
    EXPECT_THAT(err_, HasSubstr("--state-dir=DIR is missing"));
    EXPECT_EQ(Run(subcommand, {"--stat-dir=x"}), 2);
    EXPECT_THAT(err_, HasSubstr("did you mean --state-dir?"));
  }
}

TEST_F(SubcommandsTest, RunChecksItsArgumentsFirst) {
  EXPECT_EQ(Run(commands::Run, {}), 2);
  EXPECT_THAT(err_, HasSubstr("--device=FILE.json is missing"));
  EXPECT_EQ(Run(commands::Run, {"--device=d", "--log-format=xml"}), 2);
  EXPECT_EQ(Run(commands::Run, {"--device=d", "--log-level=loud"}), 2);
  EXPECT_EQ(Run(commands::Run, {"--device=d", "extra"}), 2);
}

TEST_F(SubcommandsTest, RunNamesAFileThatCannotBeRead) {
  EXPECT_EQ(Run(commands::Run, {"--device=" + root_ + "/missing.json"}), 1);
  EXPECT_THAT(err_, HasSubstr("can't read " + root_ + "/missing.json"));
  const std::string device = WriteFile("device.json", "{}");
  EXPECT_EQ(Run(commands::Run, {"--device=" + device, "--import=" + root_ + "/x.tixml"}), 1);
  EXPECT_THAT(err_, HasSubstr("can't read " + root_ + "/x.tixml"));
}

// --- tixml ---

TEST_F(SubcommandsTest, TixmlPrintsTheAnswer) {
  ServeCloudLink();
  cloud_link_.response_.set_text("[<Get _=\"7\"/>]");
  EXPECT_EQ(Run(Tixml, {"[<Get _=\"/Process/X\"/>]"}), 0);
  EXPECT_EQ(out_, "[<Get _=\"7\"/>]\n");
  EXPECT_THAT(err_, IsEmpty());
  EXPECT_EQ(cloud_link_.request_.text(), "[<Get _=\"/Process/X\"/>]");
  EXPECT_EQ(cloud_link_.request_.origin(), "command line");
}

TEST_F(SubcommandsTest, TixmlPrintsProblemsAndWarningsOnStderr) {
  ServeCloudLink();
  cloud_link_.response_.set_failed(true);
  cloud_link_.response_.add_warnings("line 2: /ISP: odd");
  cloud_link_.response_.add_problems("line 3: /ISP/X: wrong; write Y");
  const std::string file = WriteFile("a.tixml", "[<SetConfig _=\"ISP\"/>]");
  EXPECT_EQ(Run(Tixml, {"--file=" + file}), 1);
  EXPECT_EQ(err_,
            absl::StrCat(file, ":2: warning: /ISP: odd\n", file, ":3: /ISP/X: wrong; write Y\n"));
  EXPECT_EQ(cloud_link_.request_.text(), "[<SetConfig _=\"ISP\"/>]");
}

TEST_F(SubcommandsTest, TixmlWithoutGatewaySaysHowToStartIt) {
  EXPECT_EQ(Run(Tixml, {"[<Get/>]"}), 1);
  EXPECT_THAT(err_, HasSubstr("no gateway runs on " + dir_.path));
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(SubcommandsTest, TixmlIsNotFooledByASocketThatWasLeftBehind) {
  std::ofstream(dir_.Socket("cloud_link")) << "";
  EXPECT_EQ(Run(Tixml, {"[<Get/>]"}), 1);
  EXPECT_THAT(err_, HasSubstr("doesn't answer"));
}

TEST_F(SubcommandsTest, TixmlShowsWhyTheGatewayRefuses) {
  ServeCloudLink();
  cloud_link_.status_ = {grpc::StatusCode::RESOURCE_EXHAUSTED, "100 commands are waiting"};
  EXPECT_EQ(Run(Tixml, {"[<Get/>]"}), 1);
  EXPECT_THAT(err_, HasSubstr("100 commands are waiting"));
}

TEST_F(SubcommandsTest, TixmlDoesNotTakeABrokenCloudLinkForNone) {
  ServeCloudLink();
  cloud_link_.status_ = {grpc::StatusCode::UNAVAILABLE, "stopping"};
  EXPECT_EQ(Run(Tixml, {"[<Get/>]"}), 1);
  EXPECT_EQ(err_, "fieldgate tixml: cloud_link on " + dir_.path + ": stopping\n");
}

TEST_F(SubcommandsTest, TixmlTakesOneCommandOrOneFile) {
  EXPECT_EQ(Run(Tixml, {}), 2);
  EXPECT_EQ(Run(Tixml, {"[<Get/>]", "[<Get/>]"}), 2);
  EXPECT_EQ(Run(Tixml, {"--file=x", "[<Get/>]"}), 2);
}

TEST_F(SubcommandsTest, TixmlNamesAFileThatCannotBeRead) {
  EXPECT_EQ(Run(Tixml, {"--file=" + root_ + "/missing"}), 1);
  EXPECT_THAT(err_, HasSubstr("can't read " + root_ + "/missing"));
}

// --- losses ---

TEST_F(SubcommandsTest, LossesAreThoseOfAllConnectorsOrOfOne) {
  ServeCloudLink();
  EXPECT_EQ(Run(Losses, {"--count=7"}), 0) << err_;
  EXPECT_EQ(out_,
            "Connector CloudConn\n  no losses\n\n"
            "Connector CloudConn2\n  loss 0  7 messages, ; the portal is not told yet\n");
  EXPECT_EQ(Run(Losses, {"--json", "CloudConn"}), 0);
  EXPECT_EQ(out_, "[{\"connector\":\"CloudConn\",\"losses\":[]}]\n");
}

TEST_F(SubcommandsTest, LossesSayWhyThereAreNone) {
  EXPECT_EQ(Run(Losses, {}), 1);
  EXPECT_THAT(err_, HasSubstr("no gateway runs on " + dir_.path));
  ServeCloudLink();
  EXPECT_EQ(Run(Losses, {"CloudConn4"}), 1);
  EXPECT_EQ(err_, "fieldgate losses: none\n");
}

TEST_F(SubcommandsTest, LossesRefuseOtherCountsAndSecondConnectors) {
  for (const char* count : {"0", "1001", "x", "-1"}) {
    EXPECT_EQ(Run(Losses, {absl::StrCat("--count=", count)}), 2) << count;
    EXPECT_THAT(err_, HasSubstr("is no number from 1 to 1000"));
  }
  EXPECT_EQ(Run(Losses, {"CloudConn", "CloudConn2"}), 2);
}

// --- import ---

TEST_F(SubcommandsTest, ImportWaitsForAllServicesAndSendsTheFiles) {
  ServeCloudLink();
  const std::string file = WriteFile("a.tixml", "[<SetConfig _=\"ISP\"/>]");
  EXPECT_EQ(Run(Import, {file, file}), 0);
  EXPECT_EQ(cloud_link_.asked_, 3);
  EXPECT_EQ(cloud_link_.executed_, 2);
  EXPECT_EQ(cloud_link_.request_.origin(), "import " + file);
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(SubcommandsTest, ImportStopsAtTheFirstFileWithAProblem) {
  ServeCloudLink();
  cloud_link_.response_.set_failed(true);
  cloud_link_.response_.add_problems("line 3: /ISP/X: wrong; write Y");
  cloud_link_.response_.add_problems("line 4: /ISP/Z: wrong; write Y");
  const std::string file = WriteFile("a.tixml", "[]");
  EXPECT_EQ(Run(Import, {file, file}), 1);
  EXPECT_EQ(cloud_link_.executed_, 1);
  EXPECT_EQ(err_, absl::StrCat(file, ":3: /ISP/X: wrong; write Y\n", file,
                               ":4: /ISP/Z: wrong; write Y\n"));
}

TEST_F(SubcommandsTest, ImportGoesOnAfterWarnings) {
  ServeCloudLink();
  cloud_link_.response_.add_warnings("line 3: /ISP/X: odd");
  const std::string file = WriteFile("a.tixml", "[]");
  EXPECT_EQ(Run(Import, {file}), 0);
  EXPECT_EQ(err_, file + ":3: warning: /ISP/X: odd\n");
}

TEST_F(SubcommandsTest, ImportNamesAFileThatCannotBeRead) {
  ServeCloudLink();
  EXPECT_EQ(Run(Import, {root_ + "/missing"}), 1);
  EXPECT_THAT(err_, HasSubstr("can't read " + root_ + "/missing"));
}

TEST_F(SubcommandsTest, ImportNeedsAFile) { EXPECT_EQ(Run(Import, {}), 2); }

// --- status ---

TEST_F(SubcommandsTest, StatusOfADeadGatewayShowsItDown) {
  EXPECT_EQ(Run(Status, {}), 1);
  EXPECT_EQ(out_,
            "config_store  down    not running\n"
            "process_data  down    not running\n"
            "cloud_link    down    not running\n");
}

TEST_F(SubcommandsTest, StatusShowsWhatIsKnownWhenSomeServicesAreDown) {
  ServeProcessData();
  EXPECT_EQ(Run(Status, {}), 1);
  EXPECT_THAT(out_, HasSubstr(absl::StrCat("process_data  up    pid ", getpid())));
  EXPECT_THAT(out_, HasSubstr("Mode Run"));
}

TEST_F(SubcommandsTest, StatusOfAHealthyGatewayIsZero) {
  ServeProcessData();
  ServeCloudLink();
  const auto config_store = *rpc::Server::Start(dir_.Socket("config_store"), {});
  EXPECT_EQ(Run(Status, {"--json"}), 0);
  EXPECT_THAT(out_, HasSubstr(R"("name":"cloud_link","up":true)"));
}

// --- watch ---

TEST_F(SubcommandsTest, WatchPrintsALineAChangeUntilItsTimeIsOver) {
  ServeProcessData();
  EXPECT_EQ(Run(Watch, {"--for=3s", "/Process/PV"}), 0);
  EXPECT_EQ(out_, "2023-11-14T22:13:20.000Z /Process/PV/Level 7 valid\n");
}

TEST_F(SubcommandsTest, WatchSubscribesAgainAndRepeatsNothing) {
  process_data_.hold_ = false;
  process_data_.accepted_ = 3;
  ServeProcessData();
  EXPECT_EQ(Run(Watch, {}), 1);
  EXPECT_EQ(process_data_.subscriptions_, 4);
  EXPECT_EQ(out_, "2023-11-14T22:13:20.000Z /Process/Level 7 valid\n");
  EXPECT_THAT(err_, HasSubstr("waiting for process_data\n"));
}

TEST_F(SubcommandsTest, WatchWithoutGatewayEndsWithItsTime) {
  EXPECT_EQ(Run(Watch, {"--for=300ms"}), 1);
  EXPECT_THAT(err_, HasSubstr("process_data never answered"));
}

TEST_F(SubcommandsTest, WatchEndsWhenThePathIsRefused) {
  process_data_.accepted_ = 0;
  ServeProcessData();
  EXPECT_EQ(Run(Watch, {"bad"}), 1);
  EXPECT_THAT(err_, HasSubstr("no path"));
}

TEST_F(SubcommandsTest, WatchRefusesOtherDurationsAndSecondPaths) {
  EXPECT_EQ(Run(Watch, {"--for=10"}), 2);
  EXPECT_EQ(Run(Watch, {"--for=-1s"}), 2);
  EXPECT_EQ(Run(Watch, {"/a", "/b"}), 2);
}

}  // namespace
}  // namespace fieldgate::commands
