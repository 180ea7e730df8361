#pragma once

namespace fieldgate::cloud_link {

// The process cloud_link; see common/service for arguments and exit status.
int Main(int argc, char** argv);

}  // namespace fieldgate::cloud_link
