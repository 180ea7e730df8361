#include "services/fieldgate/config/config.h"

#include <gmock/gmock.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "common/service/service.h"
#include "common/testing/process.h"
#include "common/tixml/codec.h"
#include "common/tixml/node_proto.h"
#include "proto/config_store.grpc.pb.h"

namespace fieldgate::commands {
namespace {

namespace v1 = config_store::v1;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kIsp[] = R"(<ISP>
  <CloudConn>
    <QoS _="1"/>
    <password _="***"/>
  </CloudConn>
</ISP>)";

// Knows revisions as texts of all databases.
class FakeConfigStore final : public v1::ConfigStore::Service {
 public:
  grpc::Status GetConfig(grpc::ServerContext*, const v1::GetConfigRequest* request,
                         v1::GetConfigResponse* response) override {
    database_ = request->database();
    return Answer(in_force_, response);
  }
  grpc::Status GetRevision(grpc::ServerContext*, const v1::GetRevisionRequest* request,
                           v1::GetConfigResponse* response) override {
    database_ = request->database();
    return Answer(request->revision(), response);
  }
  grpc::Status ListRevisions(grpc::ServerContext*, const v1::ListRevisionsRequest*,
                             v1::ListRevisionsResponse* response) override {
    for (auto it = revisions_.rbegin(); it != revisions_.rend(); ++it) {
      auto& revision = *response->add_revisions();
      revision.set_revision(it->first);
      revision.mutable_created_at()->set_seconds(1'700'000'000);
      revision.set_database("ISP");
      revision.set_origin("import \x1b[31m.tixml");
    }
    return grpc::Status::OK;
  }
  grpc::Status Rollback(grpc::ServerContext*, const v1::RollbackRequest* request,
                        v1::SetConfigResponse* response) override {
    rollback_ = *request;
    *response = response_;
    return status_;
  }

  std::map<int64_t, std::string> revisions_;
  int64_t in_force_ = 0;
  std::string database_;
  v1::RollbackRequest rollback_;
  v1::SetConfigResponse response_;
  grpc::Status status_;

 private:
  grpc::Status Answer(int64_t revision, v1::GetConfigResponse* response) {
    const auto found = revisions_.find(revision);
    if (found == revisions_.end()) {
      return {grpc::StatusCode::NOT_FOUND,
              absl::StrCat("revision ", revision, " is not kept; kept are 5 to 7")};
    }
    const auto databases = tixml::Parse("[" + found->second + "]");
    for (const tixml::Node& node : databases->nodes) {
      tixml::ToProto(node, response->add_nodes());
    }
    response->set_revision(revision);
    return grpc::Status::OK;
  }
};

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() { EXPECT_TRUE(service::Prepare(dir_).ok()); }

  void Serve() { server_ = *rpc::Server::Start(dir_.Socket("config_store"), {&store_}); }

  // Runs `fieldgate config WORDS --state-dir=DIR`, keeping what it prints.
  int Run(std::vector<std::string> words, bool with_state_dir = true) {
    words.insert(words.begin(), "config");
    if (with_state_dir) words.push_back("--state-dir=" + dir_.path);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = Config(static_cast<int>(words.size()), argv.data());
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return status;
  }

  const service::StateDir dir_{NewTempDir() + "/s"};
  FakeConfigStore store_;
  std::unique_ptr<rpc::Server> server_;
  std::string out_;
  std::string err_;
};

TEST_F(ConfigTest, EachSubcommandExplainsItself) {
  EXPECT_EQ(Run({"--help"}, false), 0);
  EXPECT_THAT(out_, AllOf(StartsWith("Usage: fieldgate config"), HasSubstr("Exit status: 0")));
  for (const char* subcommand : {"revisions", "show", "diff", "rollback"}) {
    EXPECT_EQ(Run({subcommand, "--help"}, false), 0);
    EXPECT_THAT(out_, AllOf(StartsWith(absl::StrCat("Usage: fieldgate config ", subcommand)),
                            HasSubstr("Example"), HasSubstr("Exit status: 0")));
    EXPECT_THAT(err_, IsEmpty());
  }
}

TEST_F(ConfigTest, MisuseSaysWhatWouldBeRight) {
  EXPECT_EQ(Run({}, false), 2);
  EXPECT_EQ(Run({"revision"}), 2);
  EXPECT_THAT(err_, HasSubstr("did you mean revisions?"));
  for (const char* subcommand : {"revisions", "show", "diff", "rollback"}) {
    EXPECT_EQ(Run({subcommand}, false), 2);
    EXPECT_THAT(err_, HasSubstr("--state-dir=DIR is missing"));
  }
  EXPECT_EQ(Run({"revisions", "5"}), 2);
  EXPECT_EQ(Run({"show", "5", "ISP", "USER"}), 2);
  EXPECT_EQ(Run({"show", "ISP", "5"}), 2);
  EXPECT_EQ(Run({"diff"}), 2);
  EXPECT_EQ(Run({"diff", "5", "6", "7"}), 2);
  EXPECT_EQ(Run({"diff", "5", "x"}), 2);
  EXPECT_THAT(err_, HasSubstr("'x' is no revision; fieldgate config revisions lists them"));
  for (const char* bad : {"x", "0", "-1", "5.5"}) EXPECT_EQ(Run({"rollback", "--", bad}), 2);
  EXPECT_EQ(Run({"rollback"}), 2);
}

TEST_F(ConfigTest, WithoutGatewayEachSaysHowToStartIt) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"revisions"}, {"show"}, {"diff", "5"}, {"rollback", "5"}}) {
    EXPECT_EQ(Run(words), 1);
    EXPECT_THAT(err_, HasSubstr("no gateway runs on " + dir_.path + "; start it with"));
    EXPECT_THAT(out_, IsEmpty());
  }
}

TEST_F(ConfigTest, RevisionsAreListedAndCannotSteerTheTerminal) {
  store_.revisions_ = {{5, kIsp}, {6, kIsp}};
  Serve();
  EXPECT_EQ(Run({"revisions"}), 0);
  EXPECT_EQ(out_,
            "Revision  Time                      Changed  By\n"
            "6         2023-11-14T22:13:20.000Z  ISP      import \\x1b[31m.tixml\n"
            "5         2023-11-14T22:13:20.000Z  ISP      import \\x1b[31m.tixml\n");
}

TEST_F(ConfigTest, BeforeTheFirstRevisionThereIsNothingToList) {
  Serve();
  EXPECT_EQ(Run({"revisions"}), 0);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(err_, "There is no configuration yet.\n");
}

TEST_F(ConfigTest, ShowPrintsASetConfigADatabase) {
  store_.revisions_ = {{7, absl::StrCat(kIsp, "<USER><A k='°'/></USER>")}};
  store_.in_force_ = 7;
  Serve();
  EXPECT_EQ(Run({"show"}), 0);
  EXPECT_EQ(out_,
            "[<SetConfig _=\"ISP\" ver=\"y\">\n  <CloudConn>\n    <QoS _=\"1\"/>\n"
            "    <password _=\"***\"/>\n  </CloudConn>\n</SetConfig>]\n"
            "[<SetConfig _=\"USER\" ver=\"y\">\n  <A k=\"&#xb0;\"/>\n</SetConfig>]\n");
  EXPECT_EQ(store_.database_, "");
  EXPECT_TRUE(tixml::Parse(out_).ok());
}

TEST_F(ConfigTest, ShowTakesARevisionAndADatabase) {
  store_.revisions_ = {{5, kIsp}};
  Serve();
  EXPECT_EQ(Run({"show", "5", "ISP"}), 0);
  EXPECT_EQ(store_.database_, "ISP");
  EXPECT_THAT(out_, StartsWith("[<SetConfig _=\"ISP\" ver=\"y\">"));
  EXPECT_EQ(Run({"show", "4"}), 1);
  EXPECT_EQ(err_, "fieldgate config show: revision 4 is not kept; kept are 5 to 7\n");
}

TEST_F(ConfigTest, ANodeIsShownInASetConfigOfWhatIsAroundIt) {
  store_.revisions_ = {{7, "<CloudConn><QoS _='1'/></CloudConn>"}};
  store_.in_force_ = 7;
  Serve();
  EXPECT_EQ(Run({"show", "ISP/CloudConn"}), 0);
  EXPECT_EQ(out_,
            "[<SetConfig _=\"ISP\" ver=\"y\">\n  <CloudConn>\n    <QoS _=\"1\"/>\n"
            "  </CloudConn>\n</SetConfig>]\n");
}

TEST_F(ConfigTest, ATextThatImportDoesNotTakeIsToldSo) {
  store_.revisions_ = {{7, absl::StrCat("<USER><A _='", std::string(200'000, 'x'), "'/></USER>")}};
  store_.in_force_ = 7;
  Serve();
  EXPECT_EQ(Run({"show"}), 0);
  EXPECT_THAT(err_, IsEmpty());
  // An entity takes more room than its character.
  std::string wide;
  for (int i = 0; i < 60'000; ++i) wide += "°";
  store_.revisions_ = {{7, absl::StrCat("<USER><A _='", wide, "'/></USER>")}};
  EXPECT_EQ(Run({"show"}), 0);
  EXPECT_THAT(err_, HasSubstr("USER is larger than the 256 KiB that import takes at once"));
}

TEST_F(ConfigTest, DiffShowsWhatDiffersOfEachDatabase) {
  store_.revisions_ = {{5, "<ISP><A _='1'/></ISP><USER><B/></USER><LOG/>"},
                       {6, "<ISP><A _='2'/></ISP><EVENTS><C/></EVENTS><LOG/>"},
                       {7, "<ISP><A _='1'/></ISP><USER><B/></USER><LOG/>"}};
  store_.in_force_ = 7;
  Serve();
  EXPECT_EQ(Run({"diff", "5", "6"}), 0);
  EXPECT_EQ(out_,
            "--- EVENTS, revision 5\n+++ EVENTS, revision 6\n@@ -0,0 +1,3 @@\n"
            "+[<SetConfig _=\"EVENTS\" ver=\"y\">\n+  <C/>\n+</SetConfig>]\n"
            "--- ISP, revision 5\n+++ ISP, revision 6\n@@ -1,3 +1,3 @@\n"
            " [<SetConfig _=\"ISP\" ver=\"y\">\n-  <A _=\"1\"/>\n+  <A _=\"2\"/>\n </SetConfig>]\n"
            "--- USER, revision 5\n+++ USER, revision 6\n@@ -1,3 +0,0 @@\n"
            "-[<SetConfig _=\"USER\" ver=\"y\">\n-  <B/>\n-</SetConfig>]\n");
  EXPECT_EQ(Run({"diff", "5"}), 0);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(Run({"diff", "6"}), 0);
  EXPECT_THAT(out_, HasSubstr("+++ ISP, revision 7 (in force)\n"));
  EXPECT_EQ(Run({"diff", "4"}), 1);
  EXPECT_THAT(err_, HasSubstr("kept are 5 to 7"));
}

TEST_F(ConfigTest, RollbackPrintsTheNewRevisionAndTheWarnings) {
  store_.response_.set_applied(true);
  store_.response_.set_revision(8);
  v1::Problem& warning = *store_.response_.add_problems();
  warning.set_severity(v1::Problem::WARNING);
  warning.set_path("/ISP/CloudConn/Realtime1/P");
  warning.set_message("nothing gives the value");
  Serve();
  EXPECT_EQ(Run({"rollback", "5"}), 0);
  EXPECT_EQ(out_, "revision 8 is in force, as revision 5 was\n");
  EXPECT_EQ(err_, "warning: /ISP/CloudConn/Realtime1/P: nothing gives the value\n");
  EXPECT_EQ(store_.rollback_.revision(), 5);
  EXPECT_EQ(store_.rollback_.origin(), "command line: rollback to revision 5");
}

TEST_F(ConfigTest, ARefusedRollbackListsTheProblemsAndSaysWhatStays) {
  store_.response_.set_revision(7);
  v1::Problem& problem = *store_.response_.add_problems();
  problem.set_severity(v1::Problem::ERROR);
  problem.set_path("/ISP/CloudConn/QoS");
  problem.set_message("'9' is out of range");
  problem.set_remedy("write 0, 1 or 2");
  Serve();
  EXPECT_EQ(Run({"rollback", "5"}), 1);
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(err_,
            "/ISP/CloudConn/QoS: '9' is out of range; write 0, 1 or 2\n"
            "fieldgate config rollback: revision 5 is not valid any more; revision 7 stays in "
            "force\n");
}

TEST_F(ConfigTest, ARevisionThatIsNotKeptNamesThoseThatAre) {
  store_.status_ = {grpc::StatusCode::NOT_FOUND, "revision 4 is not kept; kept are 5 to 7"};
  Serve();
  EXPECT_EQ(Run({"rollback", "4"}), 1);
  EXPECT_EQ(err_, "fieldgate config rollback: revision 4 is not kept; kept are 5 to 7\n");
}

}  // namespace
}  // namespace fieldgate::commands
