// SPDX-License-Identifier: Apache-2.0
//
// Where a service is reached: what Daypart's own configuration says, else what the AWS tools'
// environment and shared files say, else AWS's own host of the region.
// source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints", "Dual-stack and FIPS
// endpoints".
#pragma once

#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "base/result.h"

namespace daypart::aws {

struct EndpointVariant {
  bool is_fips = false;
  bool is_dual_stack = false;
};

/// AWS's own host, as a URL. service: as signed: "s3", "glue"; "sso" is its portal's, "sso_oidc"
/// that of its tokens.
std::string AwsEndpoint(std::string_view service, std::string_view region,
                        EndpointVariant variant = {});

struct EndpointOptions {
  std::string service;
  std::string region;
  std::string configured;  // by Daypart's own configuration; goes before all else
  std::string profile;     // empty: $AWS_PROFILE, else "default"
};

struct Endpoint {
  std::string url;
  bool is_aws = true;  // nobody named another one
};

/// In this order: configured, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's services
/// section, the profile's endpoint_url, AWS's own. AWS_IGNORE_CONFIGURED_ENDPOINT_URLS leaves out
/// all but the first and the last. FIPS and dual stack choose among AWS's own.
///
/// errors: kInvalidArgument if the profile names a services section that is not there, or if there
///         is no such host.
Result<Endpoint> FindEndpoint(const ChainSurroundings& around, const EndpointOptions& options);

}  // namespace daypart::aws
