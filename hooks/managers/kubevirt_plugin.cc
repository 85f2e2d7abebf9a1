// SPDX-License-Identifier: LGPL-2.1-or-later
// kubevirt-plugin, a server for KubeVirt's plugins (API v1alpha1, kubevirt_plugin.proto):
//
//   kubevirt-plugin node SOCKET     on each node: refuses a migration while nested guests run in a VMI
//   kubevirt-plugin domain SOCKET   in a VMI's pod: gives its domain tag and CPU, as onDefineDomain does
//
// It is the only program in C++, as gRPC's library is, and is built by a goal of its own (make kubevirt). All that judges is
// in C, in the files beside this one. It ends with SIGTERM.
#include "kubevirt_plugin.grpc.pb.h"

#include <cstdio>
#include <cstring>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <string>
#include <sys/stat.h>

extern "C" {
#include "base/error.h"
#include "node_leave.h"
#include "plugin_calls.h"
}

using namespace kubevirt::hooks::plugins::v1alpha1;

namespace
{

// What KubeVirt shows beside the message.
const struct {
    int error;
    grpc::StatusCode status;
} statuses[] = {
    {NEST_ERROR_LIVE_RUNNING, grpc::StatusCode::FAILED_PRECONDITION},
    {NEST_ERROR_LIVE_UNKNOWN, grpc::StatusCode::UNAVAILABLE},
    {NEST_ERROR_USAGE, grpc::StatusCode::INVALID_ARGUMENT},
    {NEST_ERROR_IO, grpc::StatusCode::INTERNAL},
};

// The pod's log has it as well.
grpc::Status
refuse(GError *error)
{
    gchar *text = nest_error_text(error);
    grpc::StatusCode status = grpc::StatusCode::FAILED_PRECONDITION;

    for (const auto &row : statuses)
        if (error->domain == NEST_ERROR && error->code == row.error)
            status = row.status;
    (void)fprintf(stderr, "%s\n", text);
    grpc::Status answer(status, text);
    g_free(text);
    g_error_free(error);
    return answer;
}

class NodeHook final : public NodeHookService::Service
{
    NestNodeWatch *watch;

  public:
    explicit NodeHook(NestNodeWatch *of_node) : watch(of_node)
    {
    }

    grpc::Status
    ExecuteNodeHook(grpc::ServerContext *, const NodeHookRequest *request,
                    NodeHookAnswer *) override
    {
        const std::string &vmi = request->vmi();
        GError *error = nullptr;

        return nest_node_leave_check(watch, request->point().c_str(), vmi.c_str(),
                                     (gssize)vmi.size(), nest_plugin_calls_now(), &error)
                   ? grpc::Status::OK
                   : refuse(error);
    }
};

class DomainHook final : public DomainHookService::Service
{
    grpc::Status
    MutateDomain(grpc::ServerContext *, const DomainHookRequest *request,
                 DomainHookAnswer *answer) override
    {
        const std::string &vmi = request->vmi();
        GError *error = nullptr;
        gchar *xml =
            nest_plugin_calls_rewrite(request->format().c_str(), vmi.c_str(), (gssize)vmi.size(),
                                      request->domain().c_str(), &error);

        if (!xml)
            return refuse(error);
        answer->set_domain(xml);
        g_free(xml);
        return grpc::Status::OK;
    }
};

// Only who runs it, in KubeVirt root on a node and the launcher's user in a pod, may connect to the socket.
int
serve(const std::string &path, grpc::Service *service, NestNodeWatch *watch)
{
    grpc::ServerBuilder builder;
    int port = 0;

    umask(0177);
    builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server || port == 0)
        return nest_plugin_calls_fail(path.c_str());
    nest_plugin_calls_run(watch);
    server->Shutdown();
    return 0;
}

} // namespace

int
main(int argc, char **argv)
{
    bool on_node = argc == 3 && strcmp(argv[1], "node") == 0;
    NestNodeWatch *watch = nullptr;
    int status = 0;

    if (!on_node && (argc != 3 || strcmp(argv[1], "domain") != 0))
        return nest_plugin_calls_misused();
    if (!nest_plugin_calls_begin(on_node ? &watch : nullptr))
        return 1;
    if (on_node) {
        NodeHook service(watch);
        status = serve(argv[2], &service, watch);
        nest_node_watch_free(watch);
    } else {
        DomainHook service;
        status = serve(argv[2], &service, nullptr);
    }
    return status;
}
