// config_store in this process, its database on disk, gRPC over its real socket.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/rpc.h"
#include "common/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "proto/config_store.grpc.pb.h"
#include "services/config_store/config_store_service.h"
#include "services/config_store/configuration_store.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);

// <name _="value"/>
tixml::v1::Node Setting(const std::string& name, const std::string& value, int line = 0) {
  tixml::v1::Node node;
  node.set_name(name);
  node.set_line(line);
  tixml::v1::Node::Attribute& attribute = *node.add_attributes();
  attribute.set_name("_");
  attribute.set_value(value);
  return node;
}

tixml::v1::Node CloudConn() {
  tixml::v1::Node node;
  node.set_name("CloudConn");
  *node.add_children() = Setting("CloudBaseUrl", "tcp://broker");
  *node.add_children() = Setting("CloudConnStart", "1");
  *node.add_children() = Setting("CloudConnType", "FPIL_Tixi_MQTT_1");
  return node;
}

class ConfigStoreTest : public testing::Test {
 protected:
  ConfigStoreTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    Start();
  }
  ~ConfigStoreTest() override { Stop(); }

  void Start() {
    v1::Device device;
    device.set_serial_number("01234567");
    device.set_product_name("WT640");
    auto store = ConfigurationStore::Open(dir_ + "/config.db", device, RealClock());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    service_ = std::make_unique<ConfigStoreService>(*store_, "");
    auto server = rpc::Server::Start(socket_, {service_->service()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::ConfigStore::NewStub(rpc::Connect(socket_));
  }

  void Stop() {
    if (server_ == nullptr) return;
    service_->Shutdown();
    server_->Shutdown(absl::Seconds(10));
    server_.reset();
    service_.reset();
    store_.reset();
  }

  template <class Request, class Response>
  using Method = grpc::Status (v1::ConfigStore::Stub::*)(grpc::ClientContext*, const Request&,
                                                         Response*);

  template <class Request, class Response>
  absl::Status Call(Method<Request, Response> method, const Request& request, Response* response) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kPatience);
    context.set_wait_for_ready(true);
    return rpc::FromGrpc((stub_.get()->*method)(&context, request, response));
  }

  v1::SetConfigResponse Set(const std::string& database,
                            const std::vector<tixml::v1::Node>& children) {
    v1::SetConfigRequest request;
    request.set_database(database);
    request.set_origin("test");
    for (const tixml::v1::Node& child : children) *request.add_children() = child;
    v1::SetConfigResponse response;
    const absl::Status status = Call(&v1::ConfigStore::Stub::SetConfig, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  // A stream that ends with the test at the latest.
  struct Watching {
    explicit Watching(v1::ConfigStore::Stub& stub) {
      rpc::SetTimeout(context, kPatience);
      context.set_wait_for_ready(true);
      reader = stub.WatchConfiguration(&context, v1::WatchConfigurationRequest());
    }
    v1::Configuration Next() {
      v1::Configuration configuration;
      EXPECT_TRUE(reader->Read(&configuration));
      return configuration;
    }

    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::Configuration>> reader;
  };

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/c");
  const std::string socket_ = dir_ + "/config_store.sock";
  std::unique_ptr<ConfigurationStore> store_;
  std::unique_ptr<ConfigStoreService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ConfigStore::Stub> stub_;
};

TEST_F(ConfigStoreTest, AWatcherGetsTheCurrentConfigurationFirstAndThenEachNewOne) {
  Set("ISP", {CloudConn()});
  Watching watching(*stub_);
  const v1::Configuration first = watching.Next();
  EXPECT_EQ(first.revision(), 1);
  EXPECT_EQ(first.device().serial_number(), "01234567");
  EXPECT_EQ(first.connectors(0).base_url(), "tcp://broker:1883");

  Set("ISP/CloudConn", {Setting("QoS", "0")});
  const v1::Configuration second = watching.Next();
  EXPECT_EQ(second.revision(), 2);
  EXPECT_EQ(second.connectors(0).qos(), 0);

  v1::SaveIdentityRequest request;
  request.set_connector("CloudConn");
  request.mutable_identity()->set_gateway_id("g");
  request.mutable_identity()->set_customer_id("c");
  v1::SaveIdentityResponse saved;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::SaveIdentity, request, &saved).ok());
  const v1::Configuration third = watching.Next();
  EXPECT_EQ(third.revision(), 2) << "an identity is no revision";
  EXPECT_EQ(third.connectors(0).stored_identity().gateway_id(), "g");
}

TEST_F(ConfigStoreTest, ASlowWatcherGetsTheLastConfiguration) {
  Watching watching(*stub_);
  EXPECT_EQ(watching.Next().revision(), 0);
  for (int i = 0; i < 50; ++i) Set("USER", {Setting("A", std::string(1'000, 'x'))});
  int64_t revision = 0;
  for (int i = 0; i < 50 && revision < 50; ++i) revision = watching.Next().revision();
  EXPECT_EQ(revision, 50);
}

TEST_F(ConfigStoreTest, WatchersOfAStoppingServiceAreToldAtOnce) {
  Watching watching(*stub_);
  watching.Next();
  Stop();
  v1::Configuration none;
  EXPECT_FALSE(watching.reader->Read(&none));
  EXPECT_EQ(watching.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ConfigStoreTest, AWatcherThatLeavesDisturbsNobody) {
  Watching stays(*stub_);
  stays.Next();
  for (int i = 0; i < 20; ++i) {
    Watching leaves(*stub_);
    leaves.Next();
    leaves.context.TryCancel();
    Set("USER", {Setting("A", absl::StrCat(i))});
    leaves.reader->Finish();
  }
  int64_t revision = 0;
  for (int i = 0; i < 20 && revision < 20; ++i) revision = stays.Next().revision();
  EXPECT_EQ(revision, 20);
}

TEST_F(ConfigStoreTest, OneBadEntryAmongGoodOnesListsAllProblemsAndChangesNothing) {
  tixml::v1::Node connector = CloudConn();
  *connector.add_children() = Setting("QoS", "2", 5);
  *connector.add_children() = Setting("MQTTKeepAlive", "70000", 6);
  *connector.add_children() = Setting("RetryMaxTime", "soon", 7);
  *connector.add_children() = Setting("Qoss", "2", 8);
  const v1::SetConfigResponse response = Set("ISP", {connector});
  EXPECT_FALSE(response.applied());
  EXPECT_EQ(response.revision(), 0);
  std::vector<std::string> lines;
  for (const v1::Problem& p : response.problems()) {
    lines.push_back(absl::StrCat(v1::Problem::Severity_Name(p.severity()), " ", p.line(), " ",
                                 p.path(), ": ", p.message(), "; ", p.remedy()));
  }
  EXPECT_THAT(lines, ElementsAre("ERROR 6 /ISP/CloudConn/MQTTKeepAlive: '70000' is out of range; "
                                 "write a number from 0 to 65535",
                                 "ERROR 7 /ISP/CloudConn/RetryMaxTime: 'soon' is not a whole "
                                 "number; write a number from 1 to 86400",
                                 "WARNING 8 /ISP/CloudConn/Qoss: 'Qoss' is not known here and has "
                                 "no effect; did you mean QoS?"));
  Watching watching(*stub_);
  EXPECT_EQ(watching.Next().connectors_size(), 0);
}

TEST_F(ConfigStoreTest, IdentityAndConfigurationSurviveARestart) {
  Set("ISP", {CloudConn()});
  v1::SaveIdentityRequest request;
  request.set_connector("CloudConn");
  request.mutable_identity()->set_gateway_id("g");
  request.mutable_identity()->set_customer_id("c");
  request.mutable_identity()->set_data_broker_url("ssl://data");
  v1::SaveIdentityResponse saved;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::SaveIdentity, request, &saved).ok());
  Stop();
  Start();
  Watching watching(*stub_);
  const v1::Configuration configuration = watching.Next();
  EXPECT_EQ(configuration.revision(), 1);
  ASSERT_EQ(configuration.connectors_size(), 1);
  EXPECT_EQ(configuration.connectors(0).stored_identity().gateway_id(), "g");
  EXPECT_EQ(configuration.connectors(0).stored_identity().data_broker_url(), "ssl://data:8883");
}

TEST_F(ConfigStoreTest, EachCallAnswersAMistakeWithItsCode) {
  v1::SetConfigRequest set;
  set.set_database("../etc");
  v1::SetConfigResponse set_response;
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::SetConfig, set, &set_response).code(),
            absl::StatusCode::kInvalidArgument);

  set.set_database("ISP");
  for (int i = 0; i < 20'001; ++i) set.add_children()->set_name("a");
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::SetConfig, set, &set_response).code(),
            absl::StatusCode::kInvalidArgument);

  v1::GetConfigRequest get;
  get.set_database("LOG");
  v1::GetConfigResponse get_response;
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::GetConfig, get, &get_response).code(),
            absl::StatusCode::kNotFound);

  v1::SaveIdentityRequest save;
  save.set_connector("CloudConn");
  save.mutable_identity()->set_gateway_id("a/b");
  v1::SaveIdentityResponse save_response;
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::SaveIdentity, save, &save_response).code(),
            absl::StatusCode::kInvalidArgument);

  v1::ListSupportLogRequest list;
  list.set_count(-1);
  v1::ListSupportLogResponse list_response;
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::ListSupportLog, list, &list_response).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ConfigStoreTest, WhatIsSetIsReadBackWithSecretsMasked) {
  tixml::v1::Node connector = CloudConn();
  *connector.add_children() = Setting("username", "u");
  *connector.add_children() = Setting("password", "hunter2");
  Set("ISP", {connector});
  v1::GetConfigRequest request;
  v1::GetConfigResponse response;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::GetConfig, request, &response).ok());
  EXPECT_EQ(response.revision(), 1);
  ASSERT_EQ(response.nodes_size(), 1);
  EXPECT_EQ(response.nodes(0).name(), "ISP");
  EXPECT_THAT(response.ShortDebugString(), testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(response.ShortDebugString(), HasSubstr("***"));
}

TEST_F(ConfigStoreTest, RevisionsAndSupportLogAreListedNewestFirst) {
  Set("USER", {Setting("A", "1")});
  Set("LOG", {Setting("A", "1")});
  v1::ListRevisionsResponse revisions;
  ASSERT_TRUE(
      Call(&v1::ConfigStore::Stub::ListRevisions, v1::ListRevisionsRequest(), &revisions).ok());
  ASSERT_EQ(revisions.revisions_size(), 2);
  EXPECT_EQ(revisions.revisions(0).database(), "LOG");
  EXPECT_EQ(revisions.revisions(0).origin(), "test");
  EXPECT_GT(revisions.revisions(0).created_at().seconds(), 1'700'000'000);

  for (const char* message : {"first", "second"}) {
    v1::AppendSupportLogRequest append;
    append.mutable_entry()->set_source("cloud_link");
    append.mutable_entry()->set_message(message);
    v1::AppendSupportLogResponse appended;
    ASSERT_TRUE(Call(&v1::ConfigStore::Stub::AppendSupportLog, append, &appended).ok());
  }
  v1::ListSupportLogRequest list;
  list.set_count(1);
  v1::ListSupportLogResponse entries;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::ListSupportLog, list, &entries).ok());
  ASSERT_EQ(entries.entries_size(), 1);
  EXPECT_EQ(entries.entries(0).message(), "second");
  EXPECT_EQ(entries.total(), 2);
}

TEST_F(ConfigStoreTest, AWatcherSeesAProbationBeginAndEnd) {
  Set("ISP", {CloudConn()});
  Watching watching(*stub_);
  EXPECT_EQ(watching.Next().probations_size(), 0);

  v1::SetConfigRequest set;
  set.set_database("ISP/CloudConn");
  *set.add_children() = Setting("QoS", "2");
  set.set_connector("CloudConn");
  v1::SetConfigResponse changed;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::SetConfig, set, &changed).ok());
  EXPECT_TRUE(changed.on_probation());
  const v1::Configuration pending = watching.Next();
  ASSERT_EQ(pending.probations_size(), 1);
  EXPECT_EQ(pending.probations(0).connector(), "CloudConn");
  EXPECT_EQ(pending.probations(0).revision(), changed.revision());
  EXPECT_EQ(pending.probations(0).state(), v1::Probation::PENDING);
  EXPECT_EQ(pending.probations(0).confirm_time_s(), 300u);

  v1::ConfirmConfigurationRequest confirm;
  confirm.set_connector("CloudConn");
  confirm.set_revision(changed.revision());
  v1::ConfirmConfigurationResponse confirmed;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::ConfirmConfiguration, confirm, &confirmed).ok());
  const v1::Configuration ended = watching.Next();
  EXPECT_EQ(ended.revision(), changed.revision()) << "its end is no revision";
  EXPECT_EQ(ended.probations(0).state(), v1::Probation::CONFIRMED);
}

TEST_F(ConfigStoreTest, AKeptRevisionIsReadAndRolledBackTo) {
  Set("USER", {Setting("A", "1")});
  Set("USER", {Setting("A", "2")});
  v1::GetRevisionRequest get;
  get.set_revision(1);
  get.set_database("USER");
  v1::GetConfigResponse old;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::GetRevision, get, &old).ok());
  EXPECT_EQ(old.revision(), 1);
  EXPECT_EQ(old.nodes(0).children(0).attributes(0).value(), "1");

  v1::RollbackRequest rollback;
  rollback.set_revision(1);
  rollback.set_origin("a person");
  v1::SetConfigResponse response;
  ASSERT_TRUE(Call(&v1::ConfigStore::Stub::Rollback, rollback, &response).ok());
  EXPECT_TRUE(response.applied());
  EXPECT_EQ(response.revision(), 3);
  rollback.set_revision(7);
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::Rollback, rollback, &response).code(),
            absl::StatusCode::kNotFound);
  get.set_revision(7);
  EXPECT_EQ(Call(&v1::ConfigStore::Stub::GetRevision, get, &old).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ConfigStoreTest, WritersAndReadersAtOnceLeaveEachRevisionWhole) {
  constexpr int kEach = 20;
  std::vector<std::thread> writers;
  for (const char* database : {"USER", "LOG", "EVENTS"}) {
    writers.emplace_back([this, database] {
      for (int i = 1; i <= kEach; ++i) {
        EXPECT_TRUE(Set(database, {Setting("A", absl::StrCat(i)), Setting("B", absl::StrCat(i))})
                        .applied());
        v1::GetConfigRequest request;
        request.set_database(database);
        v1::GetConfigResponse response;
        EXPECT_TRUE(Call(&v1::ConfigStore::Stub::GetConfig, request, &response).ok());
        EXPECT_EQ(response.nodes(0).children(0).attributes(0).value(),
                  response.nodes(0).children(1).attributes(0).value());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  Watching watching(*stub_);
  EXPECT_EQ(watching.Next().revision(), 3 * kEach);
}

TEST_F(ConfigStoreTest, TheDatabaseIsForItsOwnerOnly) {
  struct stat info;
  ASSERT_EQ(stat((dir_ + "/config.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
}

}  // namespace
}  // namespace fieldgate::config_store
