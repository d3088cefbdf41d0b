"""The tasks service under the contract."""

from uuid import UUID

from qmcp.tasks.v1 import (
    agent_pb2,
    assumption_pb2,
    board_document_pb2,
    board_pb2,
    epic_pb2,
    knowledge_pb2,
    original_knowledge_pb2,
    original_pb2,
    project_pb2,
)
from qmcp.tasks.v1 import tasks_service_pb2 as pb

from services.tasks import server as tasks_server
from tests.contract.subject import Effect, Lasting, Listing, Sight, Subject
from tests.tasks.made import (
    KNOWN,
    STANDING,
    entry,
    epic_of,
    finding,
    finding_of,
    knowledge_of,
    leased_of,
    make_attempts,
    make_entries,
    make_epics,
    make_findings,
    make_knowledge,
    make_known_knowledge,
    make_projects,
    make_remarks,
    make_tasks,
    many,
    many_leased,
    many_ready,
    of_many,
    project_of,
    slow_list,
    standing,
    standing_knowledge,
    standing_tagged,
    tagged_of,
    task_of,
)

SUBJECT = Subject(
    name="tasks",
    service=pb.DESCRIPTOR.services_by_name["TasksService"],
    settings=tasks_server.Settings,
    compose=tasks_server.compose,
    variables=lambda _: {},
    listings={
        "ListProjects": Listing(make_projects, "id", {"status": "active"}, {"status": "archived"}),
        "ListEpics": Listing(make_epics, "id", {"status": "pending"}, {"status": "review"}),
        "ListTasks": Listing(make_tasks, "id", {"status": "TODO"}, {"status": "REVIEW"}),
        "ListAvailableTasks": Listing(make_tasks, "id", {"status": "TODO"}, {"status": "REVIEW"}),
        "ListTaskLogEntries": Listing(make_entries, "sequence", {"task_id": str(KNOWN)}, {"task_id": str(UUID(int=6))}),
        "ListKnowledgeItems": Listing(make_knowledge, "id", {"scope": "project"}, {"scope": "task"}),
        "ListScopedKnowledge": Listing(
            make_known_knowledge,
            "id",
            {"scope": "project", "project_id": str(KNOWN)},
            {"scope": "task", "project_id": str(KNOWN)},
        ),
        "ListKnowledgeLogEntries": Listing(
            make_remarks, "sequence", {"knowledge_id": str(KNOWN)}, {"knowledge_id": str(UUID(int=6))}
        ),
        "ListAssumptionValidations": Listing(
            make_findings, "id", {"task_id": str(KNOWN)}, {"task_id": str(UUID(int=6))}
        ),
        "ListAttempts": Listing(make_attempts, "number", {"task_id": str(KNOWN)}, {"task_id": str(UUID(int=6))}),
    },
    effects={
        "CreateProject": Effect(
            lambda number: project_pb2.CreateProjectRequest(name=f"effect {number}"),
            lambda each: each.id,
            repeats=False,
        ),
        "UpdateProject": Effect(
            lambda number: project_pb2.UpdateProjectRequest(id=STANDING["project"], description=f"{number}"),
            lambda each: each.etag,
            prepare=standing,
            repeats=False,
        ),
        "CreateEpic": Effect(
            lambda number: epic_pb2.CreateEpicRequest(project_id=STANDING["project"], name=f"effect {number}"),
            lambda each: each.id,
            prepare=standing,
            repeats=False,
        ),
        "UpdateEpic": Effect(
            lambda number: epic_pb2.UpdateEpicRequest(id=STANDING["epic"], description=f"{number}"),
            lambda each: each.etag,
            prepare=standing,
            repeats=False,
        ),
        "CreateTask": Effect(
            lambda number: pb.CreateTaskRequest(epic_id=STANDING["epic"], name=f"effect {number}"),
            lambda each: each.id,
            prepare=standing,
            repeats=False,
        ),
        "UpdateTask": Effect(
            lambda number: pb.UpdateTaskRequest(id=STANDING["task"], description=f"{number}"),
            lambda each: each.etag,
            prepare=standing,
            repeats=False,
        ),
        "TransitionTask": Effect(
            lambda number: pb.TransitionTaskRequest(
                id=STANDING["task"], status="blocked" if number % 2 else "backlog", note=f"{number}"
            ),
            lambda each: each.etag,
            prepare=standing,
            repeats=False,
        ),
        "SetTaskStatus": Effect(
            lambda number: original_pb2.SetTaskStatusRequest(
                id=STANDING["task"], status="BLOCKED" if number % 2 else "BACKLOG", agent_id=f"{number}"
            ),
            lambda each: each.status,
            prepare=standing,
            repeats=False,
        ),
        "UnlockTask": Effect(
            lambda number: original_pb2.UnlockTaskRequest(id=of_many(number, "leased"), agent_id="a"),
            lambda each: each.success,
            prepare=many_leased,
            repeats=False,
        ),
        "AcquireTask": Effect(
            lambda number: pb.AcquireTaskRequest(id=of_many(number), agent_id=f"{number}"),
            lambda each: (each.id, each.lease.fencing_token),
            prepare=many,
            repeats=False,
        ),
        "ReleaseTask": Effect(
            lambda number: pb.ReleaseTaskRequest(id=of_many(number, "leased"), fencing_token=1, reason=f"{number}"),
            lambda each: (each.id, each.etag),
            prepare=many_leased,
            repeats=False,
        ),
        "ClaimTask": Effect(
            lambda number: pb.ClaimTaskRequest(project_id=STANDING["claimed"], agent_id=f"{number}"),
            lambda each: each.tasks[0].id,
            prepare=many_ready,
        ),
        "ImportProjects": Effect(
            lambda number: board_document_pb2.ImportProjectsRequest(yaml=f"projects: [{{name: effect {number}}}]"),
            lambda each: each.items[0].id,
            repeats=False,
        ),
        "CaptureAssumptionValidation": Effect(
            lambda number: finding(STANDING["tagged"], f"{number}"),
            lambda each: each.id,
            prepare=standing_tagged,
            repeats=False,
        ),
        "AddRaTag": Effect(
            lambda number: assumption_pb2.AddRaTagRequest(
                task_id=STANDING["task"], ra_tag_text=f"#SUGGEST_X: {number}"
            ),
            lambda each: each.etag,
            prepare=standing,
            repeats=False,
        ),
        "UpsertKnowledge": Effect(
            lambda number: knowledge_pb2.UpsertKnowledgeRequest(title="effect", content=f"{number}"),
            lambda each: each.id,
        ),
        "PutKnowledge": Effect(
            lambda number: original_knowledge_pb2.PutKnowledgeRequest(title="effect", content=f"{number}"),
            lambda each: each.knowledge_id,
        ),
        "AppendKnowledgeLog": Effect(
            lambda number: knowledge_pb2.AppendKnowledgeLogRequest(
                knowledge_id=STANDING["knowledge"], action_type="effect", change_reason=f"{number}"
            ),
            lambda each: each.sequence,
            prepare=standing_knowledge,
        ),
        "CreateTaskLogEntry": Effect(
            lambda number: entry("effect", number), lambda each: each.sequence, prepare=standing
        ),
    },
    sights={
        "GetProject": Sight(project_of, lambda made: project_pb2.GetProjectRequest(id=made)),
        "ListProjects": Sight(project_of, lambda _: project_pb2.ListProjectsRequest()),
        "UpdateProject": Sight(project_of, lambda made: project_pb2.UpdateProjectRequest(id=made, description="x")),
        "DeleteProject": Sight(project_of, lambda made: project_pb2.DeleteProjectRequest(id=made)),
        "ExportProjects": Sight(
            project_of, lambda made: board_document_pb2.ExportProjectsRequest(project_ids=[made] if made else [])
        ),
        "CreateEpic": Sight(project_of, lambda made: epic_pb2.CreateEpicRequest(project_id=made, name="seen")),
        "GetEpic": Sight(epic_of, lambda made: epic_pb2.GetEpicRequest(id=made)),
        "ListEpics": Sight(epic_of, lambda _: epic_pb2.ListEpicsRequest()),
        "UpdateEpic": Sight(epic_of, lambda made: epic_pb2.UpdateEpicRequest(id=made, description="x")),
        "DeleteEpic": Sight(epic_of, lambda made: epic_pb2.DeleteEpicRequest(id=made)),
        "CreateTask": Sight(epic_of, lambda made: pb.CreateTaskRequest(epic_id=made, name="seen")),
        "GetTask": Sight(task_of, lambda made: pb.GetTaskRequest(id=made)),
        "ListTasks": Sight(task_of, lambda _: pb.ListTasksRequest()),
        "ListAvailableTasks": Sight(task_of, lambda _: agent_pb2.ListAvailableTasksRequest()),
        "GetTaskDetails": Sight(task_of, lambda made: agent_pb2.GetTaskDetailsRequest(id=made)),
        "ReadTaskDetails": Sight(task_of, lambda made: original_pb2.ReadTaskDetailsRequest(task_id=made)),
        "GetInstructions": Sight(project_of, lambda made: agent_pb2.GetInstructionsRequest(project_id=made)),
        "UpdateTask": Sight(task_of, lambda made: pb.UpdateTaskRequest(id=made, description="x")),
        "TransitionTask": Sight(task_of, lambda made: pb.TransitionTaskRequest(id=made, status="blocked")),
        "DeleteTask": Sight(task_of, lambda made: pb.DeleteTaskRequest(id=made)),
        "CreateTaskLogEntry": Sight(task_of, lambda made: pb.CreateTaskLogEntryRequest(task_id=made, kind="x")),
        "AcquireTask": Sight(task_of, lambda made: pb.AcquireTaskRequest(id=made)),
        "RenewTask": Sight(leased_of, lambda made: pb.RenewTaskRequest(id=made, fencing_token=1)),
        "ReleaseTask": Sight(leased_of, lambda made: pb.ReleaseTaskRequest(id=made, fencing_token=1)),
        "ClaimTask": Sight(project_of, lambda made: pb.ClaimTaskRequest(project_id=made)),
        "GetBoardState": Sight(project_of, lambda _: original_pb2.GetBoardStateRequest()),
        "SetTaskStatus": Sight(
            task_of, lambda made: original_pb2.SetTaskStatusRequest(id=made, status="BLOCKED", agent_id="a")
        ),
        "UnlockTask": Sight(leased_of, lambda made: original_pb2.UnlockTaskRequest(id=made, agent_id="a")),
        "GetBoard": Sight(project_of, lambda made: board_pb2.GetBoardRequest(project_id=made)),
        "WatchBoard": Sight(project_of, lambda made: board_pb2.WatchBoardRequest(project_id=made)),
        "ListAttempts": Sight(leased_of, lambda made: pb.ListAttemptsRequest(task_id=made)),
        "CaptureAssumptionValidation": Sight(tagged_of, finding),
        "ListAssumptionValidations": Sight(finding_of, lambda _: assumption_pb2.ListAssumptionValidationsRequest()),
        "GetAssumptionInsights": Sight(finding_of, lambda _: assumption_pb2.GetAssumptionInsightsRequest()),
        "AddRaTag": Sight(task_of, lambda made: assumption_pb2.AddRaTagRequest(task_id=made, ra_tag_text="#X")),
        "UpsertKnowledge": Sight(
            knowledge_of, lambda made: knowledge_pb2.UpsertKnowledgeRequest(knowledge_id=made, content="seen")
        ),
        "PutKnowledge": Sight(
            knowledge_of,
            lambda made: original_knowledge_pb2.PutKnowledgeRequest(knowledge_id=made, content="seen"),
        ),
        "ListScopedKnowledge": Sight(
            project_of,
            lambda made: original_knowledge_pb2.ListScopedKnowledgeRequest(scope="project", project_id=made),
        ),
        "ReadRecentAssumptions": Sight(finding_of, lambda _: original_knowledge_pb2.ReadRecentAssumptionsRequest()),
        "GetKnowledgeItem": Sight(knowledge_of, lambda made: knowledge_pb2.GetKnowledgeItemRequest(id=made)),
        "ListKnowledgeItems": Sight(knowledge_of, lambda _: knowledge_pb2.ListKnowledgeItemsRequest()),
        "DeleteKnowledgeItem": Sight(knowledge_of, lambda made: knowledge_pb2.DeleteKnowledgeItemRequest(id=made)),
        "AppendKnowledgeLog": Sight(
            knowledge_of, lambda made: knowledge_pb2.AppendKnowledgeLogRequest(knowledge_id=made, action_type="x")
        ),
        "ListKnowledgeLogEntries": Sight(
            knowledge_of, lambda made: knowledge_pb2.ListKnowledgeLogEntriesRequest(knowledge_id=made)
        ),
        "ListTaskLogEntries": Sight(task_of, lambda made: pb.ListTaskLogEntriesRequest(task_id=made)),
    },
    shared={
        **dict.fromkeys(
            ("CreateProject", "ImportProjects"), "a name is its owner's: what it makes or finds is the caller's own"
        ),
        "DescribeRaTags": "a vocabulary is nobody's",
        "DescribeTagDetails": "a vocabulary with numbers alone, of what the caller sees",
        "CleanUpOrphanedTasks": "it tells numbers alone, of projects that the caller works on",
        **dict.fromkeys(
            (
                "ShowPlanningFiles",
                "ShowArchivedPlanningFiles",
                "GetPlanningFile",
                "ArchivePlanningFile",
                "UnarchivePlanningFile",
            ),
            "the folder is the operator's, for whoever may read or write tasks",
        ),
        "GetBoardMetrics": "it has numbers alone, of tasks those that the caller sees",
    },
    slow=slow_list,
    lasting={
        "ClaimTask": Lasting(pb.ClaimTaskRequest(project_id=str(KNOWN), wait_seconds=60), "projects"),
        "ImportProjects": Lasting(
            board_document_pb2.ImportProjectsRequest(yaml="projects: [{name: lasts}]"), "projects"
        ),
        "ExportProjects": Lasting(board_document_pb2.ExportProjectsRequest(), "projects"),
        "WatchBoard": Lasting(board_pb2.WatchBoardRequest(project_id=str(KNOWN)), "projects"),
    },
    words=("pending", "DONE", "merge", "active", "said"),
)
