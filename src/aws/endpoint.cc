// SPDX-License-Identifier: Apache-2.0
//
// Names of hosts are made by rule; the exceptions are few and told. They were compared with what
// botocore makes of the same settings (tests/interop/test_endpoints.py).
#include "aws/endpoint.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "aws/profile_file.h"

namespace daypart::aws {
namespace {

struct Partition {
  std::string_view region_prefix;
  std::string_view domain;
  std::string_view dual_stack_domain;
};

constexpr Partition kCommercial{"", "amazonaws.com", "api.aws"};
constexpr std::array<Partition, 6> kOthers = {{
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
}};

const Partition& PartitionOf(std::string_view region) {
  const auto found = std::find_if(kOthers.begin(), kOthers.end(), [&](const Partition& partition) {
    return region.starts_with(partition.region_prefix);
  });
  return found == kOthers.end() ? kCommercial : *found;
}

std::string Cased(std::string text, int (*change)(int)) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [&](unsigned char c) { return static_cast<char>(change(c)); });
  return text;
}

/// What the AWS tools are set to, by variable or by the profile's setting of the same meaning.
class ToolSettings {
 public:
  ToolSettings(const ChainSurroundings& around, const std::string& profile) : around_(around) {
    const ProfileFiles files = ReadProfileFiles(around);
    const auto found = files.profiles.find(ProfileNameOf(around, profile));
    if (found != files.profiles.end()) profile_ = found->second;
    services_ = files.services;
  }

  std::string Env(const std::string& name) const {
    return around_.environment(name).value_or("");
  }
  std::string Setting(const std::string& key) const {
    const auto found = profile_.find(key);
    return found == profile_.end() ? "" : found->second;
  }
  bool is_on(const std::string& variable, const std::string& key) const {
    const std::string given = Env(variable);
    return Cased(given.empty() ? Setting(key) : given, std::tolower) == "true";
  }

  /// Empty: none is named.
  Result<std::string> NamedEndpoint(const std::string& service) const {
    if (is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")) {
      return std::string();
    }
    const std::string own = Env("AWS_ENDPOINT_URL_" + Cased(service, std::toupper));
    if (!own.empty()) return own;
    if (const std::string all = Env("AWS_ENDPOINT_URL"); !all.empty()) return all;
    if (const std::string section = Setting("services"); !section.empty()) {
      const auto found = services_.find(section);
      if (found == services_.end()) {
        return InvalidArgument("the profile in ~/.aws/config says services = " + section +
                               ": a section [services " + section + "] is expected, found none");
      }
      const auto settings = found->second.find(service);
      if (settings != found->second.end()) {
        const auto url = settings->second.find("endpoint_url");
        if (url != settings->second.end() && !url->second.empty()) return url->second;
      }
    }
    return Setting("endpoint_url");
  }

 private:
  const ChainSurroundings& around_;
  ProfileSettings profile_;
  std::map<std::string, ServiceSettings> services_;
};

}  // namespace

std::string AwsEndpoint(std::string_view service, std::string_view region,
                        EndpointVariant variant) {
  const Partition& partition = PartitionOf(region);
  std::string host(service == "sso" ? "portal.sso" : service == "sso_oidc" ? "oidc" : service);
  // GovCloud's plain hosts of these services are the FIPS ones.
  const bool is_plain_fips = region.starts_with("us-gov-") && !variant.is_dual_stack &&
                             (service == "sts" || service == "kinesis" ||
                              service.starts_with("sso"));
  if (variant.is_fips && !is_plain_fips) host += "-fips";
  std::string_view domain = partition.domain;
  if (variant.is_dual_stack && service == "s3") {
    host += ".dualstack";  // S3 had its dual stack before there was a domain for it
  } else if (variant.is_dual_stack) {
    domain = partition.dual_stack_domain;
  }
  return "https://" + host + '.' + std::string(region) + '.' + std::string(domain);
}

Result<Endpoint> FindEndpoint(const ChainSurroundings& around, const EndpointOptions& options) {
  const ToolSettings tools(around, options.profile);
  std::string url = options.configured;
  if (url.empty()) {
    DAYPART_TRY(url, tools.NamedEndpoint(options.service));
  }
  const EndpointVariant variant{
      .is_fips = tools.is_on("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
      .is_dual_stack = tools.is_on("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")};
  if (url.empty()) {
    if (variant.is_fips && options.service == "s3" && options.region.starts_with("cn-")) {
      return InvalidArgument("S3 in China has no FIPS endpoint; unset AWS_USE_FIPS_ENDPOINT");
    }
    return Endpoint{AwsEndpoint(options.service, options.region, variant), true};
  }
  while (url.ends_with('/')) url.pop_back();
  return Endpoint{std::move(url), false};
}

}  // namespace daypart::aws
