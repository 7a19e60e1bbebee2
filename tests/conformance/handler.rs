//! The product's handler with the suite's fixtures in front of it: what is not a fixture goes to the product.
#![expect(deprecated, reason = "the suite tests what the older protocols had, too")]

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, CompletionInfo, CustomRequest,
    CustomResult, DiscoverResult, GetPromptRequestParams, GetPromptResponse, InitializeRequestParams, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, Reference, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::changes::{Change, Changes};
use super::fixtures::{self, complete};
use super::rounds::{Round, Rounds, Sent};
use super::talks;

type Context = RequestContext<RoleServer>;

/// The product's handler and the fixtures.
pub struct Conformance<H> {
    product: H,
    rounds: Arc<Rounds>,
    changes: Changes,
}

impl<H> Conformance<H> {
    /// Puts the fixtures in front of `product`; `rounds` and `changes` are shared by all handlers of one server.
    pub fn new(product: H, rounds: &Arc<Rounds>, changes: &Changes) -> Self {
        Self {
            product,
            rounds: Arc::clone(rounds),
            changes: changes.share(),
        }
    }

    /// A fixture's answer, or `None` where the product is meant.
    async fn fixture(
        &self,
        request: &CallToolRequestParams,
        cx: &Context,
    ) -> Option<Result<CallToolResponse, ErrorData>> {
        let name = request.name.as_ref();
        let change = match name {
            "test_trigger_tool_change" => Some(Change::Tools),
            "test_trigger_prompt_change" => Some(Change::Prompts),
            _ => None,
        };
        if let Some(change) = change {
            self.changes.tell(change);
            return Some(Ok(talks::text("told").into()));
        }
        if let Some(answer) = fixtures::answer(name) {
            return Some(answered(answer));
        }
        let arguments = request.arguments.clone().unwrap_or_default();
        if let Some(said) = talks::run(name, &arguments, cx).await {
            return Some(said.map(Into::into));
        }
        let sent = Sent {
            responses: request.input_responses.as_ref(),
            state: request.request_state.as_deref(),
            can: cx.client_capabilities().unwrap_or_default(),
        };
        let round = self.rounds.play(name, &sent)?;
        Some(round.map(|round| match round {
            Round::Ask(asked) => asked.into(),
            Round::Done(said) => talks::text(said).into(),
        }))
    }
}

fn answered(answer: Value) -> Result<CallToolResponse, ErrorData> {
    complete(answer).map(CallToolResponse::Complete)
}

/// What the product can do, and what the fixtures add.
fn more(product: ServerCapabilities) -> ServerCapabilities {
    let mut can = product;
    can.completions.get_or_insert_default();
    can.logging.get_or_insert_default();
    can.tools.get_or_insert_default().list_changed = Some(true);
    can.prompts.get_or_insert_default().list_changed = Some(true);
    can.resources.get_or_insert_default().subscribe = Some(true);
    can
}

impl<H: ServerHandler> ServerHandler for Conformance<H> {
    fn get_info(&self) -> ServerConfig {
        let mut info = self.product.get_info();
        info.capabilities = more(info.capabilities);
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.product.supported_protocol_versions()
    }

    async fn ping(&self, cx: Context) -> Result<(), ErrorData> {
        self.product.ping(cx).await
    }

    async fn initialize(&self, request: InitializeRequestParams, cx: Context) -> Result<InitializeResult, ErrorData> {
        let mut result = self.product.initialize(request, cx).await?;
        result.capabilities = more(result.capabilities);
        Ok(result)
    }

    async fn discover(&self, cx: Context) -> Result<DiscoverResult, ErrorData> {
        let mut result = self.product.discover(cx).await?;
        result.capabilities = more(result.capabilities);
        Ok(result)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut list = self.product.list_tools(page, cx).await.unwrap_or_default();
        if list.next_cursor.is_none() {
            list.tools.extend(fixtures::tools());
        }
        Ok(list)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let fixture = fixtures::custom_header();
        if name == fixture.name {
            Some(fixture)
        } else {
            self.product.get_tool(name)
        }
    }

    async fn call_tool(&self, request: CallToolRequestParams, cx: Context) -> Result<CallToolResponse, ErrorData> {
        match self.fixture(&request, &cx).await {
            Some(answer) => answer,
            None => self.product.call_tool(request, cx).await,
        }
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let mut list = self.product.list_prompts(page, cx).await.unwrap_or_default();
        list.prompts.extend(fixtures::prompts()?);
        Ok(list)
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, cx: Context) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.clone().unwrap_or_default();
        if let Some(prompt) = fixtures::prompt(&request.name, &arguments) {
            return complete(prompt).map(GetPromptResponse::Complete);
        }
        let sent = Sent {
            responses: request.input_responses.as_ref(),
            state: request.request_state.as_deref(),
            can: cx.client_capabilities().unwrap_or_default(),
        };
        match self.rounds.play(&request.name, &sent) {
            Some(round) => match round? {
                Round::Ask(asked) => Ok(GetPromptResponse::InputRequired(asked)),
                Round::Done(said) => {
                    let message = json!({"role": "user", "content": {"type": "text", "text": said}});
                    complete(json!({"messages": [message]})).map(GetPromptResponse::Complete)
                }
            },
            None => self.product.get_prompt(request, cx).await,
        }
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut list = self.product.list_resources(page, cx).await.unwrap_or_default();
        // The suite reads the first one.
        list.resources.splice(0..0, fixtures::resources()?);
        Ok(list)
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let mut list = self.product.list_resource_templates(page, cx).await.unwrap_or_default();
        list.resource_templates.extend(fixtures::templates()?);
        Ok(list)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        cx: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if let Some(resource) = fixtures::resource(&request.uri) {
            return complete(resource).map(ReadResourceResponse::Complete);
        }
        let uri = request.uri.clone();
        let answer = self.product.read_resource(request, cx).await;
        // A product without resources knows no such method; with the fixtures in front, it is the resource that is not there.
        answer.map_err(|error| match error.code.0 {
            -32_601 => ErrorData::resource_not_found("Resource not found", Some(json!({"uri": uri}))),
            _ => error,
        })
    }

    async fn complete(&self, request: CompleteRequestParams, cx: Context) -> Result<CompleteResult, ErrorData> {
        let ours = matches!(&request.r#ref, Reference::Prompt(prompt) if prompt.name.starts_with("test_"));
        if !ours {
            return self.product.complete(request, cx).await;
        }
        let words = ["paris", "park", "party"]
            .iter()
            .filter(|word| word.starts_with(&request.argument.value));
        let values = words.map(ToString::to_string).collect();
        let completion =
            CompletionInfo::with_all_values(values).map_err(|cause| ErrorData::internal_error(cause, None))?;
        Ok(CompleteResult::new(completion))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(self.changes.accept(requested))
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        self.changes.listen(cx).await
    }

    async fn on_custom_request(&self, request: CustomRequest, cx: Context) -> Result<CustomResult, ErrorData> {
        self.product.on_custom_request(request, cx).await
    }

    async fn on_initialized(&self, cx: NotificationContext<RoleServer>) {
        self.product.on_initialized(cx).await;
    }
}
