#pragma once

namespace fieldgate::config_store {

// The service config_store; returns its exit status.
int Main(int argc, char** argv);

}  // namespace fieldgate::config_store
