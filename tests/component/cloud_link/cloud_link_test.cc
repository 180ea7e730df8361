// cloud_link in this process with real gRPC on both sides; config_store,
// process_data and the broker are fakes.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "common/testing/process.h"
#include "gtest/gtest.h"
#include "proto/cloud_link.grpc.pb.h"
#include "proto/config_store.grpc.pb.h"
#include "proto/process_data.grpc.pb.h"
#include "services/cloud_link/cloud_link_service.h"
#include "services/cloud_link/command/fake_request_log.h"
#include "services/cloud_link/events/fake_event_store.h"
#include "services/cloud_link/gateway.h"
#include "services/cloud_link/outbox/fake_outbox.h"
#include "tests/component/cloud_link/fake_services.h"

namespace fieldgate::cloud_link {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(30);

// A broker that can't be reached.
class NoBroker : public MqttClient {
 public:
  explicit NoBroker(MqttListener& listener) : listener_(listener) {}
  absl::Status Connect(const MqttOptions&) override {
    listener_.OnDisconnected(absl::UnavailableError("no route to host"));
    return absl::OkStatus();
  }
  void Disconnect() override {}
  absl::Status Subscribe(MqttToken, const std::vector<std::string>&, Qos) override {
    return absl::FailedPreconditionError("not connected");
  }
  absl::Status Publish(MqttToken, absl::string_view, std::string, Qos) override {
    return absl::FailedPreconditionError("not connected");
  }

 private:
  MqttListener& listener_;
};

config_store::v1::Configuration OneConnector(const std::string& url) {
  config_store::v1::Configuration configuration;
  configuration.set_revision(1);
  configuration.mutable_device()->set_serial_number("01234567");
  auto& c = *configuration.add_connectors();
  c.set_name("CloudConn");
  c.set_start(true);
  c.set_base_url(url);
  c.set_gateway_id("g");
  c.set_customer_id("c");
  c.set_cache(true);
  c.set_cache_max_mb(1);
  c.set_format(config_store::v1::TIXML);
  c.set_response_timeout_s(60);
  c.set_retry_max_s(900);
  c.set_broker_fallback_s(86400);
  auto& section = *c.add_sections();
  section.set_number(1);
  section.set_send_period_ms(60'000);
  auto& point = *section.add_points();
  point.set_name("P");
  point.set_path("/Process/Bus1/D/P");
  point.set_origin(config_store::v1::DataPoint::BUS);
  return configuration;
}

// Handlers Alarm and Normal that set variables, and a state that is active with
// the value 5 of every point.
config_store::v1::Configuration WithEvents(int64_t revision) {
  config_store::v1::Configuration configuration;
  configuration.set_revision(revision);
  for (const char* name : {"Alarm", "Normal"}) {
    auto& handler = *configuration.mutable_events()->add_handlers();
    handler.set_name(name);
    auto& set = *handler.add_commands();
    set.set_name("Set");
    for (const auto& [attribute, value] : {std::pair("_", absl::StrCat("/Process/PV/", name)),
                                           std::pair("value", std::string("1"))}) {
      set.add_attributes()->set_name(attribute);
      set.mutable_attributes(set.attributes_size() - 1)->set_value(value);
    }
  }
  auto& state = *configuration.mutable_events()->add_states();
  state.set_name("High");
  state.set_path("/Process/Bus1/D/P");
  state.set_condition(config_store::v1::EventState::ABOVE);
  state.set_value("4");
  state.set_handler("Alarm");
  return configuration;
}

class CloudLinkTest : public testing::Test {
 protected:
  CloudLinkTest() {
    const std::string dir = getenv("TEST_TMPDIR");
    config_socket_ = dir + "/c.sock";
    process_socket_ = dir + "/p.sock";
    StartConfigStore();
    StartProcessData();

    config_ = MakeGrpcConfigClient(config_socket_);
    process_ = MakeGrpcProcessPort(process_socket_);
    reporter_ = MakeValueReporter(process_socket_);
    GatewayPorts ports;
    ports.config = config_.get();
    ports.process = process_.get();
    ports.reporter = reporter_.get();
    ports.open_outbox = [this](const std::string&) -> absl::StatusOr<std::unique_ptr<Outbox>> {
      ++disk_asked_;
      if (disk_fails_) return absl::UnavailableError("disk I/O error");
      auto outbox = std::make_unique<FakeOutbox>();
      outbox_ = outbox.get();
      return outbox;
    };
    ports.open_requests =
        [this](const std::string&) -> absl::StatusOr<std::unique_ptr<RequestLog>> {
      return std::make_unique<FakeRequestLog>(*outbox_);
    };
    ports.events = &event_store_;
    ports.make_mqtt = [](MqttListener& listener) { return std::make_unique<NoBroker>(listener); };
    ports.subscribe = [this](const std::vector<std::string>& paths, auto on_batch, auto on_lost) {
      return SubscribeValues(process_socket_, paths, std::move(on_batch), std::move(on_lost));
    };
    ports.certificate_path = [](absl::string_view) { return std::string(); };
    ports.free_bytes = [this]() -> absl::StatusOr<int64_t> { return free_bytes_.load(); };
    gateway_ = std::make_unique<Gateway>(std::move(ports));
    service_ = std::make_unique<CloudLinkService>(*gateway_);
    server_ = *rpc::Server::Start(dir + "/l.sock", {service_.get()});
    stub_ = v1::CloudLink::NewStub(rpc::Connect(dir + "/l.sock"));
    loop_ = std::thread([this] { gateway_->Run(); });
    watch_ = WatchConfiguration(
        config_socket_,
        [this](config_store::v1::Configuration c) { gateway_->OnConfiguration(std::move(c)); },
        [this](bool up) { gateway_->OnConfigLink(up); });
  }

  ~CloudLinkTest() override {
    watch_.reset();
    gateway_->Stop();
    loop_.join();
    server_.reset();
    reporter_.reset();
    process_server_.reset();
    config_server_.reset();
  }

  void StartConfigStore() {
    config_server_ = *rpc::Server::Start(config_socket_, {&config_store_});
  }
  void StartProcessData() {
    process_server_ = *rpc::Server::Start(process_socket_, {&process_data_});
  }

  v1::GetStatusResponse Status() {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kDeadline);
    v1::GetStatusResponse response;
    const grpc::Status status = stub_->GetStatus(&context, v1::GetStatusRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  int Count(const std::string& message) {
    const std::vector<std::string> all = config_store_.Messages();
    return static_cast<int>(std::count(all.begin(), all.end(), message));
  }

  v1::ExecuteResponse Execute(const std::string& text) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kDeadline);
    v1::ExecuteRequest request;
    request.set_text(text);
    v1::ExecuteResponse response;
    const grpc::Status status = stub_->Execute(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  FakeConfigStore config_store_;
  FakeProcessData process_data_;
  std::string config_socket_, process_socket_;
  std::unique_ptr<rpc::Server> config_server_, process_server_, server_;
  std::unique_ptr<ConfigClient> config_;
  std::unique_ptr<ProcessPort> process_;
  std::unique_ptr<ValueReporter> reporter_;
  FakeEventStore event_store_;
  std::atomic<int64_t> free_bytes_ = INT64_MAX;
  FakeOutbox* outbox_ = nullptr;  // the newest; the gateway's
  std::atomic<bool> disk_fails_ = false;
  std::atomic<int> disk_asked_ = 0;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<CloudLinkService> service_;
  std::unique_ptr<v1::CloudLink::Stub> stub_;
  std::thread loop_;
  std::unique_ptr<ConfigWatch> watch_;
};

TEST_F(CloudLinkTest, TakesConnectorsFromTheConfigurationAndShowsWhyTheyAreNotRunning) {
  config_store_.Put(OneConnector("tcp://broker:1883"));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 1; }));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors(0).state() == v1::BACKOFF; }));
  EXPECT_TRUE(absl::StrContains(Status().connectors(0).detail(), "no route to host"));
  EXPECT_EQ(Status().connectors(0).connection_type(), "mqtt:broker:1883");
}

TEST_F(CloudLinkTest, ALowDiskIsSeenAndShownUntilItHasRoomAgain) {
  config_store::v1::Configuration configuration = OneConnector("tcp://broker:1883");
  configuration.mutable_connectors(0)->set_cache_max_mb(64);
  configuration.mutable_connectors(0)->set_cache_min_free_mb(16);
  config_store_.Put(configuration);
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 1; }));
  EXPECT_FALSE(Status().connectors(0).disk_low());
  EXPECT_EQ(Status().connectors(0).bytes_limit(), 64u << 20);
  free_bytes_ = 1 << 20;
  EXPECT_TRUE(Eventually(kDeadline, [&] { return Status().connectors(0).disk_low(); }));
  EXPECT_EQ(Status().connectors(0).bytes_limit(), 1u << 20);
  free_bytes_ = 100 << 20;
  EXPECT_TRUE(Eventually(kDeadline, [&] { return !Status().connectors(0).disk_low(); }));
}

TEST_F(CloudLinkTest, LossesAreListedByConnector) {
  config_store_.Put(OneConnector("tcp://broker:1883"));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 1; }));
  const auto list = [this](const std::string& connector, int count) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, kDeadline);
    v1::ListLossesRequest request;
    request.set_connector(connector);
    request.set_count(count);
    v1::ListLossesResponse response;
    return stub_->ListLosses(&context, request, &response).error_code();
  };
  EXPECT_EQ(list("CloudConn", 0), grpc::StatusCode::OK);
  EXPECT_EQ(list("CloudConn", 1'000), grpc::StatusCode::OK);
  EXPECT_EQ(list("CloudConn2", 0), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(list("CloudConn", -1), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(list("CloudConn", 1'001), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(CloudLinkTest, AConnectorThatTheDiskKeepsFromStartingStartsOnceItCan) {
  disk_fails_ = true;
  config_store_.Put(OneConnector("tcp://one:1883"));
  ASSERT_TRUE(Eventually(kDeadline, [this] {
    return disk_asked_ > 1 && Status().config_store_ok() && Status().connectors_size() == 0;
  })) << "it is tried again and again, and all else goes on";
  disk_fails_ = false;
  EXPECT_TRUE(Eventually(kDeadline, [this] { return Status().connectors_size() == 1; }));
}

TEST_F(CloudLinkTest, AChangedBrokerReplacesTheConnectionAndARemovedConnectorEnds) {
  config_store_.Put(OneConnector("tcp://one:1883"));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 1; }));
  config_store_.Put(OneConnector("tcp://two:1883"));
  EXPECT_TRUE(Eventually(kDeadline, [&] {
    const v1::GetStatusResponse status = Status();
    return status.connectors_size() == 1 &&
           status.connectors(0).connection_type() == "mqtt:two:1883";
  }));
  config_store_.Put(config_store::v1::Configuration());
  EXPECT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 0; }));
}

TEST_F(CloudLinkTest, ExecutesCommandsThroughTheOtherServices) {
  EXPECT_EQ(Execute("[<Get _=\"/Process/Known\"/>]").text(), "[<Get _=\"7\"/>]");
  const v1::ExecuteResponse failed = Execute("[<Get _=\"/Process/Other\"/>]");
  EXPECT_TRUE(failed.failed());
  EXPECT_TRUE(absl::StrContains(failed.text(), "-2196")) << failed.text();
}

TEST_F(CloudLinkTest, ExecutesCommandsAboutLogs) {
  EXPECT_EQ(Execute("[<RecordLog _=\"Energy\"/>]").text(), "[<RecordLog id=\"17\"/>]");
  EXPECT_TRUE(absl::StrContains(Execute("[<RecordLog _=\"X\"/>]").problems(0), "there is Energy"));
  EXPECT_TRUE(absl::StrContains(
      Execute("[<ReadLog _=\"Energy\" order=\"oldest\" after=\"4\"/>]").text(),
      "<Record id=\"5\" time=\"1970-01-01T00:00:01Z\">\n      <P _=\"5\" state=\"1\"/>"));
  EXPECT_TRUE(absl::StrContains(Execute("[<ReadLog/>]").text(), "<Energy records=\"0\""));
  EXPECT_TRUE(absl::StrContains(Execute("[<ReadLog _=\"Login\" count=\"7\"/>]").text(),
                                "source=\"\" _=\"Login 7 entries\"/>"));
}

TEST_F(CloudLinkTest, LogDataAreAskedForOfTheConnectorThatIsNamed) {
  config_store::v1::Configuration configuration = OneConnector("tcp://broker:1883");
  auto& section = *configuration.mutable_connectors(0)->add_log_sections();
  section.set_number(2);
  section.set_log("Energy");
  config_store_.Put(configuration);
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 1; }));
  EXPECT_EQ(Execute("[<CloudSendLogData _=\"CloudConn,Log2\"/>]").text(), "[<CloudSendLogData/>]");
  EXPECT_TRUE(absl::StrContains(Execute("[<CloudSendLogData _=\"CloudConn,Log1\"/>]").problems(0),
                                "CloudConn has no Log1"));
  EXPECT_TRUE(absl::StrContains(Execute("[<CloudSendLogData _=\"CloudConn2\"/>]").problems(0),
                                "there is no connector CloudConn2"));
  EXPECT_EQ(Status().connectors(0).logs(0).log(), "Energy");
}

TEST_F(CloudLinkTest, ReportsItsStatusIntoTheProcessImageAgainAfterARestart) {
  config_store_.Put(OneConnector("tcp://broker:1883"));
  const std::string path = "/Process/CloudConn/ConnectionType";
  EXPECT_TRUE(
      Eventually(kDeadline, [&] { return process_data_.Reported(path) == "mqtt:broker:1883"; }));
  process_server_.reset();
  EXPECT_TRUE(Eventually(kDeadline, [&] { return !Status().process_data_ok(); }));
  EXPECT_EQ(process_data_.Reported(path), "");
  StartProcessData();
  EXPECT_TRUE(Eventually(kDeadline, [&] { return Status().process_data_ok(); }));
  EXPECT_TRUE(
      Eventually(kDeadline, [&] { return process_data_.Reported(path) == "mqtt:broker:1883"; }));
}

TEST_F(CloudLinkTest, AnEventExecutesItsHandlerOnceAndIsLoggedAndShown) {
  config_store_.Put(WithEvents(1));
  EXPECT_TRUE(
      Eventually(kDeadline, [&] { return process_data_.WasSet("/Process/PV/Alarm") == "1"; }));
  EXPECT_TRUE(
      Eventually(kDeadline, [&] { return process_data_.Reported("/Process/Events/High") == "1"; }));
  EXPECT_TRUE(Eventually(kDeadline, [&] { return Status().events(0).executions() == 1; }));
  EXPECT_TRUE(Status().events(0).active());
  EXPECT_GT(Status().events(0).last_at(), 1'700'000'000);
  EXPECT_TRUE(
      Eventually(kDeadline, [&] { return Count("Event: High came true at 5: Alarm: done") == 1; }));
}

TEST_F(CloudLinkTest, ValuesThatComeAgainAfterTheDeathOfProcessDataRaiseNoAlarmAgain) {
  config_store::v1::Configuration configuration = WithEvents(1);
  auto& there = *configuration.mutable_events()->add_states();
  there.set_name("There");
  there.set_path("/Process/Bus1/D/P");
  there.set_condition(config_store::v1::EventState::VALID);
  there.set_handler("Normal");
  config_store_.Put(configuration);
  const auto there_times = [&] { return Count("Event: There came true at 5: Normal: done"); };
  ASSERT_TRUE(Eventually(kDeadline, [&] { return there_times() == 1; }));
  process_server_.reset();
  StartProcessData();
  EXPECT_TRUE(Eventually(kDeadline, [&] { return there_times() == 2; }));
  EXPECT_EQ(Count("Event: High came true at 5: Alarm: done"), 1);
}

TEST_F(CloudLinkTest, DoOnExecutesAHandlerOfTheConfiguration) {
  config_store_.Put(WithEvents(1));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().events_size() == 1; }));
  EXPECT_EQ(Execute("[<DoOn _=\"Normal\"/>]").text(), "[<DoOn/>]");
  EXPECT_EQ(process_data_.WasSet("/Process/PV/Normal"), "1");
  const v1::ExecuteResponse unknown = Execute("[<DoOn _=\"Normel\"/>]");
  EXPECT_TRUE(absl::StrContains(unknown.problems(0), "did you mean Normal?"))
      << unknown.problems(0);
}

TEST_F(CloudLinkTest, StatesComeAndGoWithTheConfiguration) {
  config_store_.Put(WithEvents(1));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().events_size() == 1; }));
  config_store::v1::Configuration without;
  without.set_revision(2);
  config_store_.Put(without);
  EXPECT_TRUE(Eventually(kDeadline, [&] { return Status().events_size() == 0; }));
  EXPECT_TRUE(Execute("[<DoOn _=\"Normal\"/>]").failed());
}

TEST_F(CloudLinkTest, AWatcherGetsTheStatusAtOnceAndEachChange) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, kDeadline);
  const auto reader = stub_->WatchStatus(&context, v1::GetStatusRequest());
  v1::GetStatusResponse status;
  ASSERT_TRUE(reader->Read(&status));
  EXPECT_EQ(status.connectors_size(), 0);
  config_store_.Put(OneConnector("tcp://broker:1883"));
  ASSERT_TRUE(reader->Read(&status));
  EXPECT_EQ(status.connectors_size(), 1);
  context.TryCancel();
  reader->Finish();
}

TEST_F(CloudLinkTest, GoesOnWithoutConfigStoreAndFollowsItWhenItIsBack) {
  config_store_.Put(OneConnector("tcp://one:1883"));
  ASSERT_TRUE(Eventually(kDeadline, [&] { return Status().connectors_size() == 1; }));
  config_server_.reset();
  EXPECT_TRUE(Eventually(kDeadline, [&] { return !Status().config_store_ok(); }));
  EXPECT_EQ(Status().connectors_size(), 1);
  config_store_.Put(OneConnector("tcp://two:1883"));
  StartConfigStore();
  EXPECT_TRUE(Eventually(
      kDeadline, [&] { return Status().connectors(0).connection_type() == "mqtt:two:1883"; }));
}

}  // namespace
}  // namespace fieldgate::cloud_link
