#include "hsconas/base/launch.hpp"

#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

using Environment = std::map<std::string, std::string>;

/// `more` wins over `base`; an empty value removes a variable.
Environment with(Environment base, const Environment& more) {
  for (const auto& [name, value] : more) base[name] = value;
  return base;
}

const Environment kTorchrunLaunch{{"RANK", "5"},
                                  {"WORLD_SIZE", "8"},
                                  {"LOCAL_RANK", "1"},
                                  {"LOCAL_WORLD_SIZE", "4"},
                                  {"MASTER_ADDR", "n001"},
                                  {"MASTER_PORT", "29400"},
                                  {"TORCHELASTIC_RUN_ID", "abc"},
                                  {"TORCHELASTIC_RESTART_COUNT", "2"}};

const Environment kSlurmLaunch{{"SLURM_JOB_ID", "1234"},
                               {"SLURM_STEP_ID", "3"},
                               {"SLURM_NTASKS", "7"},
                               {"SLURM_PROCID", "6"},
                               {"SLURM_STEP_NUM_TASKS", "7"},
                               {"SLURM_LOCALID", "0"},
                               {"SLURM_NODEID", "3"},
                               {"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"},
                               {"SLURM_STEP_NODELIST", "n[001-003,7],gpu5"},
                               {"SLURM_RESTART_COUNT", "1"}};

const Environment kOpenMpiLaunch{{"OMPI_COMM_WORLD_RANK", "1"},
                                 {"OMPI_COMM_WORLD_SIZE", "2"},
                                 {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                 {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};

const Environment kMpichLaunch{
    {"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}};

std::string refusal(const Environment& environment) {
  return error_of([&] { read_launch(environment); });
}

}  // namespace

TEST_CASE("a process without a launcher works alone", "[launch]") {
  const ProcessLaunch launch = read_launch({{"HOME", "/home/me"}, {"MASTER_ADDR", "n001"}});
  CHECK(launch.launcher.empty());
  CHECK(launch.rank == 0);
  CHECK(launch.size == 1);
  CHECK(launch.local_rank == 0);
  CHECK(launch.local_size == 1);
  CHECK(launch.address.empty());
  CHECK(launch.warning.empty());
}

TEST_CASE("torchrun's variables say all about a process", "[launch]") {
  const ProcessLaunch launch = read_launch(kTorchrunLaunch);
  CHECK(launch.launcher == "torchrun");
  CHECK(launch.rank == 5);
  CHECK(launch.size == 8);
  CHECK(launch.local_rank == 1);
  CHECK(launch.local_size == 4);
  CHECK(launch.address == "n001");
  CHECK(launch.port == 29400);
  CHECK_FALSE(launch.serves_store);
  CHECK(launch.prefix == "hsconas/abc/2");
}

TEST_CASE("ranks set by hand need only a size and an address", "[launch]") {
  const ProcessLaunch launch =
      read_launch({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}});
  CHECK(launch.local_rank == -1);
  CHECK(launch.local_size == -1);
  CHECK(launch.port == 29500);
  CHECK(launch.serves_store);
  CHECK(launch.prefix == "hsconas/run/0");
  CHECK(launch.interfaces.empty());
}

TEST_CASE("rank 0 serves the store unless torchrun's agent does", "[launch]") {
  const Environment root = with(kTorchrunLaunch, {{"RANK", "0"}, {"LOCAL_RANK", "0"}});
  CHECK(read_launch(root).serves_store);
  CHECK(read_launch(with(root, {{"TORCHELASTIC_USE_AGENT_STORE", "False"}})).serves_store);
  CHECK_FALSE(read_launch(with(root, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}})).serves_store);
}

TEST_CASE("the tasks of a Slurm step meet on its first host, at a port of the job", "[launch]") {
  const ProcessLaunch launch = read_launch(kSlurmLaunch);
  CHECK(launch.launcher == "srun");
  CHECK(launch.rank == 6);
  CHECK(launch.size == 7);
  CHECK(launch.local_rank == 0);
  CHECK(launch.local_size == 1);
  CHECK(launch.address == "n001");
  CHECK(launch.port == 15000 + (31 * 1234 + 3) % 15000);
  CHECK(launch.prefix == "hsconas/1234.3/1");
  CHECK_FALSE(launch.serves_store);
  CHECK(read_launch(with(kSlurmLaunch, {{"SLURM_PROCID", "0"}})).serves_store);
}

TEST_CASE("ports of jobs lie below those of outgoing connections", "[launch]") {
  for (const char* job : {"1", "99999", "4294967295"}) {
    for (const char* step : {"0", "14999", "4294967294"}) {
      CAPTURE(job, step);
      const int port =
          read_launch(with(kSlurmLaunch, {{"SLURM_JOB_ID", job}, {"SLURM_STEP_ID", step}})).port;
      CHECK(port >= 15000);
      CHECK(port < 30000);
    }
  }
}

TEST_CASE("the number of tasks on a node comes from Slurm's list", "[launch]") {
  const auto local_size = [](const std::string& tasks, const std::string& node) {
    return read_launch(
               with(kSlurmLaunch, {{"SLURM_STEP_TASKS_PER_NODE", tasks}, {"SLURM_NODEID", node}}))
        .local_size;
  };
  CHECK(local_size("2(x3),1", "0") == 2);
  CHECK(local_size("2(x3),1", "2") == 2);
  CHECK(local_size("2(x3),1", "3") == 1);
  CHECK(local_size("4", "0") == 4);
  // Whatever else the list may say, the processes can be counted when they meet.
  for (const char* list : {"2(x3),1", "", "x", "2(x", "2(x)", "(x3)", "2(x3"}) {
    CAPTURE(list);
    CHECK(local_size(list, "4") == -1);
  }
}

TEST_CASE("processes that mpirun starts on one host meet there", "[launch]") {
  for (const Environment& environment : {kOpenMpiLaunch, kMpichLaunch}) {
    const ProcessLaunch launch = read_launch(environment);
    CHECK(launch.launcher == (environment == kOpenMpiLaunch ? "Open MPI" : "MPICH"));
    CHECK(launch.rank == 1);
    CHECK(launch.size == 2);
    CHECK(launch.local_rank == 1);
    CHECK(launch.local_size == 2);
    CHECK(launch.address == "127.0.0.1");
    CHECK(launch.port == 29500);
  }
  const ProcessLaunch in_job = read_launch(with(kOpenMpiLaunch, {{"SLURM_JOB_ID", "2"}}));
  CHECK(in_job.port == 15062);
  CHECK(in_job.prefix == "hsconas/2/0");
}

TEST_CASE("processes that mpirun starts on several hosts need an address", "[launch]") {
  CHECK(refusal(with(kOpenMpiLaunch, {{"OMPI_COMM_WORLD_SIZE", "8"}})) ==
        "usage: 8 processes but no MASTER_ADDR: set it to the host of rank 0");
  CHECK(refusal(with(kMpichLaunch, {{"MPI_LOCALNRANKS", ""}})) ==
        "usage: 2 processes but no MASTER_ADDR: set it to the host of rank 0");
  CHECK(read_launch(with(kOpenMpiLaunch, {{"OMPI_COMM_WORLD_SIZE", "8"}, {"MASTER_ADDR", "n9"}}))
            .address == "n9");
}

TEST_CASE("MASTER_ADDR and MASTER_PORT count under every launcher", "[launch]") {
  for (const Environment& environment :
       {kTorchrunLaunch, kOpenMpiLaunch, kSlurmLaunch, kMpichLaunch}) {
    const ProcessLaunch launch =
        read_launch(with(environment, {{"MASTER_ADDR", "here"}, {"MASTER_PORT", "17000"}}));
    CHECK(launch.address == "here");
    CHECK(launch.port == 17000);
  }
  // They help even if Slurm's list cannot be read.
  CHECK(read_launch(with(kSlurmLaunch, {{"MASTER_ADDR", "here"}, {"SLURM_STEP_NODELIST", "n["}}))
            .address == "here");
}

TEST_CASE("of several sets of variables the first counts", "[launch]") {
  Environment all = kTorchrunLaunch;
  for (const Environment& more : {kOpenMpiLaunch, kSlurmLaunch, kMpichLaunch}) {
    all = with(all, more);
  }
  CHECK(read_launch(all).launcher == "torchrun");
  all = with(all, {{"RANK", ""}, {"WORLD_SIZE", ""}});
  CHECK(read_launch(all).launcher == "Open MPI");
  all = with(all, {{"OMPI_COMM_WORLD_RANK", ""}, {"OMPI_COMM_WORLD_SIZE", ""}});
  CHECK(read_launch(all).launcher == "MPICH");
  all = with(all, {{"MPI_LOCALRANKID", ""}, {"MPI_LOCALNRANKS", ""}});
  CHECK(read_launch(all).launcher == "srun");
  all = with(all, {{"SLURM_STEP_NUM_TASKS", ""}, {"MASTER_ADDR", "n001"}});
  CHECK(read_launch(all).launcher == "MPICH");
}

TEST_CASE("the Slurm step of MPICH's proxies does not count", "[launch]") {
  const Environment step_of_proxies{{"SLURM_JOB_ID", "6"},
                                    {"SLURM_STEP_ID", "0"},
                                    {"SLURM_STEP_NUM_TASKS", "1"},
                                    {"SLURM_PROCID", "0"}};
  const ProcessLaunch launch = read_launch(with(kMpichLaunch, step_of_proxies));
  CHECK(launch.launcher == "MPICH");
  CHECK(launch.rank == 1);
  CHECK(launch.size == 2);
}

TEST_CASE("a batch script without srun works alone and says so", "[launch]") {
  const Environment script{{"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}};
  const ProcessLaunch launch = read_launch(script);
  CHECK(launch.size == 1);
  CHECK(launch.warning ==
        "this Slurm job has 2 tasks, but hsconas was not started with srun, so one process does "
        "all the work");
  CHECK(read_launch(with(script, {{"SLURM_NTASKS", "1"}})).warning.empty());
}

TEST_CASE("a launcher that starts one process changes nothing", "[launch]") {
  const ProcessLaunch launch = read_launch({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
  CHECK(launch.size == 1);
  CHECK(launch.local_size == 1);
  CHECK_FALSE(launch.serves_store);
}

TEST_CASE("sets that are incomplete or wrong are refused by name", "[launch]") {
  CHECK(refusal({{"RANK", "1"}}) ==
        "usage: RANK is set but WORLD_SIZE is not; set both or neither");
  CHECK(refusal({{"WORLD_SIZE", "8"}, {"RANK", ""}}) ==
        "usage: WORLD_SIZE is set but RANK is not; set both or neither");
  CHECK(refusal({{"OMPI_COMM_WORLD_RANK", "1"}}) ==
        "usage: OMPI_COMM_WORLD_RANK is set but OMPI_COMM_WORLD_SIZE is not; set both or neither");
  CHECK(refusal({{"SLURM_STEP_NUM_TASKS", "2"}}) ==
        "usage: SLURM_STEP_NUM_TASKS is set but SLURM_PROCID is not; set both or neither");
  CHECK(refusal({{"PMI_SIZE", "2"}}) ==
        "usage: PMI_SIZE is set but PMI_RANK is not; set both or neither");
  CHECK(refusal(with(kTorchrunLaunch, {{"RANK", "8"}})) ==
        "usage: RANK 8 is not below WORLD_SIZE 8");
  CHECK(refusal(with(kTorchrunLaunch, {{"LOCAL_RANK", "4"}})) ==
        "usage: LOCAL_RANK 4 is not below LOCAL_WORLD_SIZE 4");
  CHECK(refusal(with(kTorchrunLaunch, {{"MASTER_ADDR", ""}})) ==
        "usage: 8 processes but no MASTER_ADDR: set it to the host of rank 0");
  CHECK(refusal(with(kTorchrunLaunch, {{"RANK", "one"}})) ==
        "usage: RANK must be a whole number in [0, 1000000], got 'one'");
  CHECK(refusal(with(kTorchrunLaunch, {{"WORLD_SIZE", "0"}})) ==
        "usage: WORLD_SIZE must be a whole number in [1, 1000000], got '0'");
  CHECK(refusal(with(kTorchrunLaunch, {{"MASTER_PORT", "70000"}})) ==
        "usage: MASTER_PORT must be a whole number in [1, 65535], got '70000'");
  for (const char* rank : {"-1", "1 ", "0x1", "1.5", "99999999999999999999"}) {
    CAPTURE(rank);
    CHECK(contains(refusal(with(kTorchrunLaunch, {{"RANK", rank}})), "must be a whole number"));
  }
}

TEST_CASE("the interfaces to use can be named", "[launch]") {
  const auto named = read_launch(with(kTorchrunLaunch, {{"GLOO_SOCKET_IFNAME", "ib0,eth1"}}));
  CHECK(named.interfaces == std::vector<std::string>{"ib0", "eth1"});
}

TEST_CASE("the first host of a list in Slurm's notation", "[launch]") {
  CHECK(first_host("n001") == "n001");
  CHECK(first_host("n001,n002") == "n001");
  CHECK(first_host("n[001-003,7],gpu5") == "n001");
  CHECK(first_host("n[7,9]") == "n7");
  CHECK(first_host("rack[2-3]-n[08-10].cluster,x") == "rack2-n08.cluster");
  for (const char* list : {"", ",n1", "n[", "n[]", "n[1", "n]", "[,1]", "n[-3]"}) {
    CAPTURE(list);
    CHECK(error_of([&] { first_host(list); }) ==
          "usage: '" + std::string(list) +
              "' is not a list of hosts: set MASTER_ADDR to the host of rank 0");
  }
}
