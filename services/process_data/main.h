#pragma once

namespace fieldgate::process_data {

// The process of the service, until SIGTERM or SIGINT; see
// common/service/service.h for the options and the exit status.
int Main(int argc, char** argv);

}  // namespace fieldgate::process_data
